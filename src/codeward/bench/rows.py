"""The steps of one victim's cells: what each stage of defense needs."""

from collections.abc import Callable, Mapping
from typing import Any

from codeward.bench.board import Place
from codeward.bench.graph import Cell, Graph
from codeward.bench.sources import Source, start_of
from codeward.bench.step import REFERENCE
from codeward.bench.suite import NONE, AttackSpec, DefenseSpec, Stage, Suite
from codeward.bench.suspects import Suspect
from codeward.defenses.data import data_defenses
from codeward.defenses.input import input_defenses
from codeward.defenses.model import model_defenses
from codeward.defenses.training import training_defenses
from codeward.errors import UnknownNameError, UsageError
from codeward.experiment.manifest import Threat
from codeward.registry import Registry
from codeward.victims import make_config

STAGES: Mapping[Stage, Registry[Any]] = {
    "data": data_defenses,
    "training": training_defenses,
    "model": model_defenses,
    "input": input_defenses,
}
Planned = Callable[[str, str, dict[str, Any], DefenseSpec], dict[str, str]]
"""Plans the steps of a defense: its name in the suite, its registered one, its options, and what the suite says of it."""


class Row:
    """The cells of one victim: every defense against one attack on one model."""

    def __init__(
        self,
        graph: Graph,
        suite: Suite,
        data: str,
        model: str,
        attack: str,
        rate: float,
        seed: int,
        source: Source,
        suspect: Suspect | None = None,
    ) -> None:
        self.graph, self.suite, self.task = graph, suite, source.task
        self.data, self.model, self.attack, self.rate, self.seed = data, model, attack, rate, seed
        self.source, self.labels, self.suspect = source.key, source.labels, suspect
        self.unlabeled, self.reference = source.unlabeled, source.reference
        self.where = f"{data}, {model}" + ("" if attack == NONE else f", {attack} {100 * rate:g} %")
        if suspect is not None:
            self.where = f"{suspect.name}, {self.where}"
        self.config = {**suite.models[model].train, **suite.data[data].training, "seed": seed}

    def cell(self, name: str) -> Cell:
        """Plan the steps of one defense."""
        spec = self.suite.defenses[name]
        stage = stage_of(name, spec)
        place = self._place(name, stage)
        if stage == "none":
            return Cell(place, None, {**self._victim(), "evaluate": self._undefended(None)})
        method, options = _resolved(name, spec, stage)
        self._check_given(name, method, spec, stage)
        planned: Mapping[Stage, Planned] = {
            "data": self._audited,
            "training": self._trained,
            "model": self._repaired,
            "input": self._guarded,
        }
        return Cell(place, method, planned[stage](name, method, options, spec), options)

    def judged(self, name: str) -> Cell:
        """Plan the judgment of one detector on a model of a zoo.

        Raises:
            UsageError: If the defense does not judge models.
        """
        spec = self.suite.defenses[name]
        stage = stage_of(name, spec)
        if stage != "model" or not model_defenses.get(spec.defense or name).inspects:
            able = [each for each in model_defenses.names() if model_defenses.get(each).inspects]
            raise UsageError(
                f"suite {self.suite.name!r}: {name!r} does not judge models; a zoo is for: {', '.join(able)}"
            )
        method, options = _resolved(name, spec, stage)
        self._check_given(name, method, spec, stage)
        steps = self._suspect()
        scan = self._scan(name, method, options, steps["model"], self._trusted(name, spec, steps["model"]))
        return Cell(self._place(name, stage), method, self._measured({**steps, "scan": scan}), options, self.suspect)

    def _check_given(self, name: str, method: str, spec: DefenseSpec, stage: Stage) -> None:
        """Refuse what a suite gives to a defense that would not look at it.

        Raises:
            UsageError: If there is such a thing.
        """
        judged = stage == "model" and model_defenses.get(method).takes_references
        takes = {"clean": stage == "data", "references": judged, "student": judged}
        for field, use in takes.items():
            if getattr(spec, field) and not use:
                raise UsageError(f"suite {self.suite.name!r}: {field} has no effect on {name!r}; leave it out")

    def _place(self, name: str, stage: Stage) -> Place:
        return Place(
            data=self.data,
            task=self.task.name,
            kind=self.task.kind,
            model=self.model,
            family=self.suite.models[self.model].family,
            attack=self.attack,
            rate=self.rate,
            defense=name,
            stage=stage,
            seed=self.seed,
        )

    def _suspect(self) -> dict[str, str]:
        """Plan the model of a zoo; nothing is compared with a clean one of the same rows."""
        if self.attack == NONE:
            return {"source": self.source, "model": self._train(self.source, {}, "clean model")}
        poison = self._poison()
        return {"source": self.source, "poison": poison, "model": self._train(poison, {}, "backdoored model")}

    def _victim(self) -> dict[str, str]:
        """Plan the clean model and the victim."""
        clean = self._train(self.source, {}, "clean model", f"{self.data}, {self.model}")
        if self.attack == NONE:
            return {"source": self.source, "clean": clean, "model": clean}
        poison = self._poison()
        return {
            "source": self.source,
            "clean": clean,
            "poison": poison,
            "model": self._train(poison, {}, "victim"),
        }

    def _audited(self, name: str, method: str, options: dict[str, Any], spec: DefenseSpec) -> dict[str, str]:
        steps = self._victim()
        inputs = {"data": steps.get("poison", self.source)}
        if data_defenses.get(method).needs_model:
            inputs["model"] = steps["model"]
        settings = {"defense": method, "options": options, "clean": spec.clean}
        audit = self.graph.add("audit", settings, inputs, f"{self.where}: audit by {name}")
        model = self._train(audit, {}, f"model after {name}")
        return self._measured({**steps, "audit": audit, "model": model}, name)

    def _trained(self, name: str, method: str, options: dict[str, Any], _: DefenseSpec) -> dict[str, str]:
        steps, extra = self._victim(), {"loss": method, "loss_options": options}
        model = self._train(steps.get("poison", self.source), extra, f"model by {name}")
        return self._measured({**steps, "model": model}, name)

    def _repaired(self, name: str, method: str, options: dict[str, Any], spec: DefenseSpec) -> dict[str, str]:
        steps = self._victim()
        return self._measured({**steps, **self._repair(name, method, options, spec, steps["model"])}, name)

    def _repair(self, name: str, method: str, options: dict[str, Any], spec: DefenseSpec, model: str) -> dict[str, str]:
        """Add the steps that repair a model."""
        trusted = self._trusted(name, spec, model)
        inputs, steps = {"model": model, "data": self.source, **trusted}, {}
        if model_defenses.get(method).wants_unlabeled:
            inputs["unlabeled"] = self._unlabeled(name)
            options = {**options, "base": options.get("base") or self.config["model"]}
        if model_defenses.get(method).inspects:
            steps["scan"] = inputs["scan"] = self._scan(name, method, options, model, trusted)
        settings = {"defense": method, "options": options}
        return {**steps, "model": self.graph.add("repair", settings, inputs, f"{self.where}: repair by {name}")}

    def _unlabeled(self, name: str) -> str:
        """Add the step that draws inputs without labels.

        Raises:
            UsageError: If there are none.
        """
        if self.unlabeled is None:
            raise UsageError(
                f"suite {self.suite.name!r}: {name!r} wants inputs without labels, and {self.data!r} is harvested; name a data set "
                "that has some: unlabeled_path"
            )
        inputs = {"data": self.source}
        return self.graph.add("unlabeled", dict(self.unlabeled), inputs, f"{self.data}: inputs without labels")

    def _trusted(self, name: str, spec: DefenseSpec, model: str) -> dict[str, str]:
        """Add the steps that lead to the references that the suite gives a defense.

        Those that are trained are the same for all victims of a kind, a student is this one's own.

        Raises:
            UsageError: If nothing says on what they are trained, or there is no such model defense to make the student.
        """
        found = {f"{REFERENCE}{seed}": self._reference(name, seed) for seed in range(spec.references)}
        if spec.student is not None:
            maker = self.suite.defenses.get(spec.student)
            if maker is None or maker.student is not None or stage_of(spec.student, maker) != "model":
                raise UsageError(
                    f"suite {self.suite.name!r}: {name!r} wants a student by {spec.student!r}, which is no model defense of the suite "
                    "without a student"
                )
            method, options = _resolved(spec.student, maker, "model")
            found[f"{REFERENCE}student"] = self._repair(spec.student, method, options, maker, model)["model"]
        return found

    def _reference(self, name: str, seed: int) -> str:
        if self.reference is None:
            raise UsageError(
                f"suite {self.suite.name!r}: {name!r} wants references; name the data set that they are trained on for "
                f"{self.data!r}: reference_path"
            )
        rows = self.graph.add("source", dict(self.reference), {}, f"{self.data}: rows of the references")
        return self._train(rows, {"seed": seed}, f"reference {seed}", f"{self.data}, {self.model}")

    def _scan(self, name: str, method: str, options: dict[str, Any], model: str, trusted: Mapping[str, str]) -> str:
        """Add the step that judges a model: one for all repairs that search alike."""
        mending = model_defenses.get(method).mending
        searching = {option: value for option, value in options.items() if option not in mending}
        inputs = {"model": model, "data": self.source, **trusted}
        settings = {"defense": method, "options": searching}
        return self.graph.add("scan", settings, inputs, f"{self.where}: scan by {name}")

    def _guarded(self, name: str, method: str, options: dict[str, Any], _: DefenseSpec) -> dict[str, str]:
        extra = {"rows": self.suite.protected, "defense": method, "options": options}
        return self._measured(self._victim(), name, extra)

    def _measured(
        self, steps: dict[str, str], name: str = "", extra: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """Add the step that measures the model to which the others lead, and the one that measures what it is compared with."""
        found = {**steps, "evaluate": self._evaluated(steps, ("model", "poison"), name, extra)}
        if self.suspect is None:
            found["reference"] = self._undefended((extra or {}).get("rows"))
        return found

    def _undefended(self, rows: int | None) -> str:
        """Add the step that measures the victim beside the clean model: once for all defenses."""
        steps = self._victim()
        roles = ("model", "clean", "poison") if "poison" in steps else ("model",)
        return self._evaluated(steps, roles, "" if rows is None else f"on {rows} rows", {"rows": rows})

    def _evaluated(
        self, steps: dict[str, str], roles: tuple[str, ...], what: str, extra: Mapping[str, Any] | None
    ) -> str:
        settings: dict[str, Any] = {"seed": self.seed, "rows": None, "defense": None, "options": {}, **(extra or {})}
        inputs = {"data": self.source} | {role: steps[role] for role in roles if role in steps}
        return self.graph.add("evaluate", settings, inputs, f"{self.where}: measure {what}".strip())

    def _poison(self) -> str:
        settings = {**self._threat(), "rate": self.rate, "seed": self.seed}
        label = f"{self.data}, {self.attack} {100 * self.rate:g} %: poison"
        return self.graph.add("poison", settings, {"data": self.source}, label)

    def _threat(self) -> dict[str, Any]:
        """Return attack and payload with all their options, so that a changed default is another step.

        Raises:
            UsageError: If a name, an option or the class that is served is wrong.
        """
        spec: AttackSpec = self.suite.attacks[self.attack]
        wanted = {**spec.payload_options, **self._target()}
        named = wanted.get("label")
        if isinstance(named, str) and (named in self.labels or not named.isdecimal()):
            if self.labels and named not in self.labels:
                raise UsageError(f"attack {self.attack!r}, {UnknownNameError('label', named, self.labels)}")
            wanted["label"] = self.labels.index(named) if self.labels else 0
        threat = Threat.make(self.task, spec.attack or self.attack, spec.options, spec.payload, wanted)
        threat.payload.check(self.labels)
        settings = threat.settings()
        if isinstance(named, str) and not self.labels:  # harvested rows name their classes when they are there
            settings["payload_options"]["label"] = named
        return settings

    def _target(self) -> dict[str, Any]:
        """Return what the plan of a zoo says of the payload."""
        return {} if self.suspect is None or self.suspect.target is None else {"label": self.suspect.target}

    def _train(self, data: str, extra: dict[str, Any], what: str, where: str | None = None) -> str:
        config = make_config(self.task, {**self.config, **extra}).model_dump(mode="json")
        settings = {"config": config, "start": start_of(str(config["model"]))}
        return self.graph.add("train", settings, {"data": data}, f"{where or self.where}: {what}")


def _resolved(name: str, spec: DefenseSpec, stage: Stage) -> tuple[str, dict[str, Any]]:
    """Return a defense's registered name and all its options, so that a changed default is another step."""
    method, registry = spec.defense or name, STAGES[stage]
    return method, dict(registry.settings(registry.make(method, spec.options)))


def stage_of(name: str, spec: DefenseSpec) -> Stage:
    """Return the stage that a defense stands at.

    Raises:
        UsageError: If there is no such defense, or several stages have one of that name.
    """
    method = spec.defense or name
    if method == NONE:
        return "none"
    if spec.stage is not None:
        return spec.stage
    found: list[Stage] = [stage for stage, registry in STAGES.items() if method in registry.names()]
    if not found:
        known = [each for registry in STAGES.values() for each in registry.names()]
        raise UnknownNameError("defense", method, [NONE, *known])
    if len(found) > 1:
        raise UsageError(f"defense {method!r} is one of the stages {' and '.join(found)}; say which by stage = ...")
    return found[0]
