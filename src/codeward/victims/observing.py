"""Looking at a model while it is trained, at set times of every epoch; the training is the same with and without."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from codeward.files import write_text
from codeward.victims import processes
from codeward.victims.huggingface import HuggingFaceVictim

FILE = "observed.json"
NEARLY = 1e-6
"""What an epoch's share may fall short by rounding."""

Look = Callable[[HuggingFaceVictim], Mapping[str, float]]
"""From the model as it is, in evaluation mode, to figures by name. It must not change the model."""
Looks = dict[float, dict[str, float]]
"""Figures by epoch: 0 is before the training, 1 after the first pass."""


@dataclass(frozen=True, slots=True)
class Observer:
    """What is looked at, and how often."""

    look: Look
    times: int = 1
    """How often in an epoch; the model before training is looked at as well."""


class Observing(TrainerCallback):
    """Calls an observer, and keeps what it saw on disk, so that a run that is resumed has it, too.

    Args:
        observer: What to call; in the first of several processes only.
        victim: The model that is trained.
        work: Folder of the run's checkpoints.
    """

    def __init__(self, observer: Observer, victim: HuggingFaceVictim, work: Path) -> None:
        self.observer, self.victim = observer, victim
        self.file = work / FILE
        self.looks: Looks = {}
        self._done = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the model before the first step, or read what was seen before the run was stopped."""
        epoch = float(state.epoch or 0)
        self._done = self._due(epoch)
        if state.global_step == 0:
            self._look(0.0)
        elif self.file.is_file():
            seen = json.loads(self.file.read_text(encoding="utf-8"))
            self.looks = {float(at): figures for at, figures in seen.items() if float(at) <= epoch + NEARLY}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look if it is time, and after the last step."""
        epoch = float(state.epoch or 0)
        due = self._due(epoch)
        if due > self._done or state.global_step >= state.max_steps:
            self._done = due
            self._look(round(epoch, 3))

    def _due(self, epoch: float) -> int:
        return int(epoch * self.observer.times + NEARLY)

    def _look(self, epoch: float) -> None:
        """Look with the model in evaluation mode; modes and random numbers are as before afterwards."""
        if not processes.is_first():
            return
        modes = [(module, module.training) for module in self.victim.model.modules()]
        with torch.random.fork_rng():
            self.victim.model.eval()
            figures = self.observer.look(self.victim)
        for module, training in modes:
            module.training = training
        self.looks[epoch] = dict(figures)
        write_text(self.file, json.dumps(self.looks) + "\n")
