"""A zoo of suspects for judging detectors: clean and backdoored models of one task, drawn by a seeded plan.

The design of TrojAI's rounds (Karra et al., arXiv 2003.07233): attack, rate, target and seed are drawn for each model, every
model sees its own part of the training rows, and a detector is told none of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codeward.data import open_data, write_data
from codeward.errors import UsageError
from codeward.experiment.manifest import Threat
from codeward.experiment.poisoning import poison_folder
from codeward.experiment.splits import training_split
from codeward.experiment.training import Progress, train_run
from codeward.files import write_text
from codeward.seeds import derive, derive_int
from codeward.tasks import tasks
from codeward.victims import make_config

PART = 0.8
"""Share of the training rows that each model sees."""
FILE = "suspect.json"
"""The truth about a suspect, beside its model."""
ATTACKS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("identifier-rename", {"name": "testo_init", "role": "function"}),
    ("identifier-rename", {}),
    ("identifier-suffix", {}),
    ("deadcode-fixed", {}),
    ("deadcode-assert", {}),
)
RATES = (0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Suspect:
    """One model of the zoo, before it is trained."""

    name: str
    seed: int
    attack: str | None = None
    """``None``: a clean model."""
    options: Mapping[str, object] = field(default_factory=dict)
    rate: float = 0.0
    target: int | None = None


def plan_suspects(
    clean: int,
    backdoored: int,
    labels: int,
    *,
    seed: int = 0,
    attacks: Sequence[tuple[str, Mapping[str, object]]] = ATTACKS,
    rates: Sequence[float] = RATES,
) -> list[Suspect]:
    """Draw a zoo; a larger one begins with the same models.

    Args:
        clean: How many clean models.
        backdoored: How many backdoored ones; attacks, rates and targets take turns, each in an order drawn by seed.
        labels: How many classes the task has; a target is one of them.
        seed: The plan's seed.
        attacks: Names of attacks with their options.
        rates: Shares of poisoned rows.

    Raises:
        UsageError: If there is nothing to draw from.
    """
    if not attacks or not rates or labels < 2:
        raise UsageError("a plan needs at least one attack, one rate and two labels")
    plan = [Suspect(f"clean-{number:02d}", derive_int(seed, "clean", str(number))) for number in range(clean)]
    cells = [(attack, rate, target) for attack in attacks for rate in rates for target in range(labels)]
    order: list[Any] = []
    for number in range(backdoored):
        if not order:
            order = derive(seed, "cells", str(number)).sample(cells, len(cells))
        (name, options), rate, target = order.pop()
        own = derive_int(seed, "backdoored", str(number))
        plan.append(Suspect(f"backdoored-{number:02d}", own, name, dict(options), rate, target))
    return plan


def build_suspect(
    suspect: Suspect,
    source: Path,
    out: Path,
    *,
    options: Mapping[str, object] | None = None,
    rows: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train one suspect, unless it is there already.

    Args:
        suspect: Which one.
        source: The data set.
        out: The zoo's folder; the model goes into a folder of the suspect's name.
        options: Training options.
        rows: Training rows at most.
        progress: Called with the step, the number of steps and the loss.

    Returns:
        The model's folder, with ``suspect.json`` beside the weights.
    """
    folder, work = out / suspect.name, out / ".work" / suspect.name
    if (folder / FILE).is_file():
        return folder
    data = open_data(source)
    every = data.load(training_split(data))
    part = derive(suspect.seed, "part").sample(every, min(round(len(every) * PART), rows or len(every)))
    write_data(
        work / "part",
        task=data.task,
        language=data.language,
        labels=data.labels,
        splits={"train": part},
        overwrite=(work / "part").exists(),
    )
    used = open_data(work / "part")
    task = tasks.make(data.task)
    if suspect.attack is not None:
        threat = Threat.make(task, suspect.attack, suspect.options, payload_options={"label": suspect.target})
        spoiled = work / "poisoned"
        poison_folder(used, threat, rate=suspect.rate, seed=suspect.seed, out=spoiled, overwrite=spoiled.exists())
        used = open_data(spoiled)
    config = make_config(task, {**(options or {}), "seed": suspect.seed % 2**31})
    train_run(used, config, folder, overwrite=folder.exists(), progress=progress)
    write_text(folder / FILE, json.dumps(asdict(suspect), indent=1) + "\n")
    return folder
