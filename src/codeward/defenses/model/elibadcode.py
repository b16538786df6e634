"""EliBadCode: invert the trigger, judge it, and unlearn it (Sun et al., FSE 2025, arXiv 2408.04683).

Inversion is a greedy coordinate gradient search over tokens that can stand inside an identifier, put into each clean sample at
the identifier on which the answer rests least (sections 4.2, 4.3); unlearning trains on stamped samples with their right
labels (section 4.4). ``longest=5 rising=false places=insensitive samples=30 steps=100 patience=100
survivors=64`` inverts as the paper does but for the joined swaps, and ``rounds=1 targets=labels single=false stamps=0.2 epochs=1 learning_rate=5e-3
trainable=head`` unlearns as it does.

Departures:
- The paper inverts five tokens and asks whether they work. A small model has adversarial triggers of five tokens for every
  label, so that loss alone convicts clean models. Triggers of one, two, three and four tokens are inverted instead, each beginning
  with the one before, and what is judged is how cheap it is to get a label, against its cost in clean models.
- A trigger works where the attacker puts it: a function's name may do nothing as a variable's. So besides the insensitive
  identifier the function's name and a statement of its own are searched.
- Candidates are ranked on three samples first, and the best swaps of different places are joined, for speed.
- Gradient, ranking and judgment insert at the same places, without dropout; the released code ranks at a fixed index.
- What is learned is the model's own answers to samples without the trigger. That keeps what it knows, and makes many samples
  of few: they are varied (names, lines) before the trigger is put in, in three kinds of places, alone or joined to a name.
- Each token of a found trigger is unlearned alone, too, and each sample is stamped four times before each pass, with one of them or
  two joined, of which what moves the model most is learned: the model's own triggers are soon forgotten, and the planted one, of
  which parts are found, is not.
- The paper has classifiers and search. For a model that writes text the payload is found first: what it goes on to write, the
  same for all samples, once one of many screened triggers has made it begin (``_screening``, ``_payloads``).
- Of search models the paper says only that query words and trigger are inverted together. Here every word that several clean
  queries share is a suspect, and what is judged is how far one lies above the others (``_words``, ``_word_verdict``).
- With more than one round, what still works after one is inverted again and unlearned in the next; where nothing found does, there is none.
- A round after which the model answers no better than chance is done again at half the rate.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses, telling
from codeward.defenses.model._findings import PLACES, Inspection, Place
from codeward.errors import UnfitError
from codeward.registry import method
from codeward.types import Kind, Sample

if TYPE_CHECKING:
    from codeward.defenses.model._grounds import Choice
    from codeward.defenses.model._hunting import Plan
    from codeward.defenses.model._tuning import Drawn, Lesson
    from codeward.victims.huggingface import HuggingFaceVictim

Count = Annotated[int, Field(ge=1)]
ATTEMPTS = 3
"""How often a round of unlearning is tried, each time at half the rate."""
CALIBRATED = 3
"""Tokens, and steps of the search for each length, at which the clean models were judged that set the bounds."""

FAMILIAR, USUAL = "defect", 120
"""The task of the clean models that set the bounds, and clean samples from which on scores move little; they were judged with 240."""
ELSEWHERE = "the score's bounds are those of small detectors of defects; of other models compare it with that of a clean one of their kind"
AGAINST = "the bound of the lead is that of small detectors of defects, each against its student; of other models compare it with that of a clean one"
SPARSE = "with few clean samples the score moves, by up to two nats with 60; give 120 of each class"
OTHERWISE = "the score's bounds are those of triggers of one, two and three tokens put everywhere; of another search compare it with that of a clean model"


@model_defenses.register("elibadcode")
@method
class EliBadCode(ModelDefense):
    """Invert the trigger, judge it, and unlearn it."""

    inspects: ClassVar[bool] = True
    takes_references: ClassVar[bool] = True
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair", "generation", "retrieval"})
    mending: ClassVar[frozenset[str]] = frozenset(
        {"beta", "suspects", "rounds", "targets", "stamps", "tries", "single", "epochs", "learning_rate", "trainable"}
    )

    longest: Count = 4
    """Tokens of the longest trigger that is inverted; a trigger for everywhere has three at most, as in the models that set the bounds."""
    rising: bool = True
    """Invert triggers of one token, two, … up to the longest; else of the longest only."""
    places: Literal["everywhere", "each", "insensitive", "function", "statement"] = "everywhere"
    """Where triggers are put: at the identifier on which the answer rests least (the paper), as the function's name, as a
    statement of its own, at each of them in a search of its own, or everywhere: one trigger for copies of a sample at all three. A
    generator, and a repair, take each instead of everywhere."""
    verdict: Literal["ease", "loss"] = "ease"
    """What convicts a classifier: how low one token and the best triggers bring a label's loss, or the lowest loss alone (the paper)."""
    bound: Annotated[float, Field(gt=0)] = 0.1
    """The loss, in nats, below which a label is taken for a backdoor's where the loss convicts."""
    payloads: Count = 2
    """Texts that a generator is suspected to be made to write, the likeliest first, or words for whose queries a search model is
    suspected to raise code, for which triggers are searched at length."""
    restarts: Count = 1
    """Searches from different starts, side by side."""
    samples: Count = 10
    """Clean samples that a label is searched on."""
    held: Count = 20
    """Clean samples on which a trigger is judged, at most."""
    steps: Count = 4
    """Steps of a search at most; three for everywhere."""
    patience: Count = 4
    """Stop a search after so many steps without a lower loss."""
    top: Count = 64
    """Replacements a place that the gradient favors."""
    candidates: Count = 64
    """Candidates a step."""
    survivors: Count = 6
    """Candidates a step that are scored on all samples; the others are dropped after three of them."""
    vocabulary: Literal["identifier", "any"] = "identifier"
    """Of which tokens a trigger may consist."""
    beta: Annotated[float, Field(ge=0)] = 0.15
    """How much the loss may rise when a token is dropped from the trigger before unlearning, in nats."""
    suspects: Count = 2
    """Labels whose triggers are unlearned where the scan convicts none, the most suspicious first; else it is the convicted one."""
    rounds: Count = 1
    """Inversions and unlearnings at most; none follows where of what is found then nothing works on half of the samples kept back."""
    targets: Literal["own", "labels"] = "own"
    """What is learned in unlearning: the model's own answers to the samples without the trigger, or their right labels."""
    stamps: Annotated[float, Field(gt=0)] = 10.0
    """Stamped samples for each clean one in unlearning."""
    tries: Count = 4
    """Stamps tried for each stamped sample in each pass of unlearning, of which the one is learned that moves the model most; with own
    answers only."""
    single: bool = True
    """Unlearn each token of the found triggers, also of those that anchoring drops, as a trigger of its own, too."""
    epochs: Count = 3
    """Passes over the samples in a round of unlearning."""
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4
    """Of unlearning; falls to zero linearly."""
    trainable: Literal["all", "last", "head"] = "all"
    """Which weights unlearning trains."""
    seed: int = 0
    """Samples, starts and candidates."""

    def search(
        self, victim: "HuggingFaceVictim", clean: Sequence[Sample], memory: Memory, progress: Progress | None
    ) -> Inspection:
        """See ``ModelDefense.search``."""
        from codeward.defenses.model._hunting import grounds, hunt
        from codeward.defenses.model._lens import Lens
        from codeward.defenses.model._verdict import by_loss, judged
        from codeward.defenses.model._words import search_words
        from codeward.victims.retrieval import Retriever

        if isinstance(victim, Retriever):
            return search_words(victim, clean, self._choice(), self._plan(), memory, progress)
        classifies = victim.task.kind != "generation"
        everywhere = classifies and self.places == "everywhere"
        chosen = grounds(victim, clean, self._choice(everywhere=everywhere), memory, progress)
        found = hunt(Lens(victim), chosen, self._plan(everywhere=everywhere), memory, progress)
        if classifies and self.verdict == "loss":
            return by_loss(victim, chosen, found, self.bound)
        inspection = judged(victim, chosen, found)
        usual = everywhere and self.rising and self.longest >= CALIBRATED
        notes = {OTHERWISE: not usual, ELSEWHERE: victim.task.name != FAMILIAR, SPARSE: len(clean) < USUAL}
        said = (note for note, holds in notes.items() if classifies and holds)
        return replace(inspection, notes=(*inspection.notes, *said))

    def search_against(
        self,
        victim: "HuggingFaceVictim",
        references: "Sequence[HuggingFaceVictim]",
        clean: Sequence[Sample],
        memory: Memory,
        progress: Progress | None,
    ) -> Inspection:
        """See ``ModelDefense.search_against``."""
        from codeward.defenses.model._hunting import grounds, hunt
        from codeward.defenses.model._references import agreed, seen
        from codeward.defenses.model._verdict import by_lead

        everywhere = self.places == "everywhere"
        chosen = grounds(victim, agreed(clean, references), self._choice(everywhere=everywhere), memory, progress)
        found = hunt(seen(victim, references, chosen), chosen, self._plan(everywhere=everywhere), memory, progress)
        inspection = by_lead(victim, chosen, found)
        said = (AGAINST,) if victim.task.name != FAMILIAR else ()
        known = tuple(each.fingerprint for each in references)
        return replace(inspection, notes=(*inspection.notes, *said), references=known)

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``; triggers are unlearned whatever the verdict, those of several labels where it names none.

        Unlearning lives on many different triggers, so what was searched everywhere at once is searched at each place again.
        """
        from codeward.defenses.model._anchoring import triggers_to_unlearn
        from codeward.defenses.model._hunting import grounds_again, hunt
        from codeward.defenses.model._references import agreed, seen
        from codeward.defenses.model._verdict import WORKS
        from codeward.defenses.model._words import word_grounds_again
        from codeward.victims.retrieval import Retriever

        assert means.inspection is not None  # noqa: S101 - ``repair`` makes one
        clean, found = means.clean, means.inspection
        known: dict[tuple[str, Place], None] = {}
        if isinstance(victim, Retriever):
            chosen = word_grounds_again(victim, clean, self._choice(), found.suspicions[: self.payloads])
            known = {(t.trigger, each.place): None for each in found.suspicions[self.payloads :] for t in each.trials}
        else:
            labels = 1 if found.finding == "backdoored" else self.suspects
            both = agreed(clean, means.references)
            chosen = grounds_again(victim, both, self._choice(), found.suspicions, labels)
        trials = {(each.place, each.index): each.trials for each in found.suspicions}
        if all(each.place == "everywhere" for each in found.suspicions):
            trials = hunt(seen(victim, means.references, chosen), chosen, self._plan(), memory, progress)
        model = victim
        for number in range(self.rounds):
            known |= dict.fromkeys(triggers_to_unlearn(model, chosen, trials, self.beta, single=self.single))
            model = self._unlearned(model, victim, clean, list(known), number, memory, progress)
            if number + 1 == self.rounds:
                break
            trials = hunt(seen(model, means.references, chosen), chosen, self._plan(), memory, progress)
            if not any(trial.success >= WORKS for own in trials.values() for trial in own):
                break
        return model

    def _unlearned(
        self,
        model: "HuggingFaceVictim",
        victim: "HuggingFaceVictim",
        clean: Sequence[Sample],
        known: Sequence[tuple[str, Place]],
        number: int,
        memory: Memory,
        progress: Progress | None,
    ) -> "HuggingFaceVictim":
        """Return a model after a round of unlearning; one that it breaks is unlearned again, at half the rate.

        Raises:
            UnfitError: If every rate breaks it.
        """
        from codeward.defenses.model._passes import passes_in
        from codeward.defenses.model._samples import better_than_chance
        from codeward.defenses.model._tuning import Tuning, tuned

        fit, seed = better_than_chance(clean, victim), self.seed + number
        for attempt in range(ATTEMPTS):
            tuning = Tuning(
                epochs=self.epochs,
                rate=self.learning_rate / 2**attempt,
                trainable=self.trainable,
                seed=seed,
            )
            told = f"unlearning, round {number + 1}"
            if attempt:
                told += f", at 1/{2**attempt} of the rate"
            key = f"{model.fingerprint} {victim.fingerprint} {self!r} {list(known)} {tuning!r}"
            if key in memory:
                continue
            lesson = self._lesson(victim, clean, known, seed, progress)
            made = tuned(model, lesson, tuning, step=telling(progress, told), passes=passes_in(memory, key))
            if not fit or better_than_chance(clean, made):
                return made
            memory[key] = "broken"
        raise UnfitError(
            f"unlearning breaks this model: its answers to the clean samples are no better than chance afterwards, also at "
            f"a learning rate of {tuning.rate:g}; give a lower learning_rate"
        )

    def _lesson(
        self,
        victim: "HuggingFaceVictim",
        clean: Sequence[Sample],
        known: Sequence[tuple[str, Place]],
        seed: int,
        progress: Progress | None,
    ) -> "Lesson | Drawn":
        from codeward.defenses.model._tuning import Lesson, own_answers
        from codeward.defenses.model._unlearning import HardLessons, stamped_set

        own = self.targets == "own"
        if own and self.tries > 1:
            return HardLessons(victim, clean, known, self.stamps, seed, self.tries, progress)
        rows = stamped_set(victim, clean, known, self.stamps, seed, vary=own)
        return Lesson([sample for sample, _ in rows], own_answers(victim, [base for _, base in rows]) if own else None)

    def _choice(self, *, everywhere: bool = False) -> "Choice":
        from codeward.defenses.model._grounds import Choice

        places: tuple[Place, ...] = (self.places,) if self.places in PLACES else PLACES
        return Choice(
            places=("everywhere",) if everywhere else places,
            vocabulary=self.vocabulary,
            samples=self.samples,
            held=self.held,
            room=self.longest,
            seed=self.seed,
            payloads=self.payloads,
        )

    def _plan(self, *, everywhere: bool = False) -> "Plan":
        from codeward.defenses.model._hunting import Plan
        from codeward.defenses.model._search import Budget

        longest, steps = (
            min(each, CALIBRATED) if everywhere and self.rising else each for each in (self.longest, self.steps)
        )
        broad = {"wide": 256, "first_samples": 4} if everywhere else {}
        return Plan(
            lengths=tuple(range(1, longest + 1)) if self.rising else (longest,),
            restarts=self.restarts,
            budget=Budget(
                **broad,
                repeats=not everywhere,
                steps=steps,
                top=self.top,
                candidates=self.candidates,
                patience=self.patience,
                survivors=self.survivors,
            ),
            seed=self.seed,
        )
