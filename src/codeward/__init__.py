"""Codeward finds, removes and prevents backdoors in neural code models.

The names below are the public surface; each is imported from its room when it is first used, so that importing
``codeward`` loads no heavy package.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeward.attacks import Attack, Poisoned, Stamp
    from codeward.data import DataFolder, fingerprint, open_data, write_data
    from codeward.data.harvest import harvest, write_harvest
    from codeward.defenses.data import Audit, DataDefense, Verdict
    from codeward.defenses.input import InputDefense, Purified
    from codeward.defenses.model import Inspection, ModelDefense
    from codeward.defenses.training import TrainingDefense
    from codeward.errors import CodewardError
    from codeward.experiment.auditing import audit_split
    from codeward.experiment.calibration import Calibration, calibrate
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.guard import Guard, Guarded, guard
    from codeward.experiment.manifest import Manifest, Threat, read_manifest
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.record import Record, read_record
    from codeward.experiment.repairing import Repaired, repair
    from codeward.experiment.scanning import scan
    from codeward.experiment.training import train_run
    from codeward.metrics import Metric
    from codeward.report.html import render
    from codeward.tasks import Task
    from codeward.types import Poison, Prediction, Sample, Score, Span
    from codeward.victims import Victim, load, make_config

try:
    __version__ = version("codeward")
except PackageNotFoundError:  # running from a source tree that is not installed
    __version__ = "0+unknown"

_ROOMS = {
    "codeward.attacks": ("Attack", "Poisoned", "Stamp"),
    "codeward.data": ("DataFolder", "fingerprint", "harvest", "open_data", "write_data", "write_harvest"),
    "codeward.errors": ("CodewardError",),
    "codeward.defenses.data": ("Audit", "DataDefense", "Verdict"),
    "codeward.defenses.input": ("InputDefense", "Purified"),
    "codeward.defenses.model": ("Inspection", "ModelDefense"),
    "codeward.defenses.training": ("TrainingDefense",),
    "codeward.experiment.auditing": ("audit_split",),
    "codeward.experiment.calibration": ("Calibration", "calibrate"),
    "codeward.experiment.evaluation": ("evaluate",),
    "codeward.experiment.guard": ("Guard", "Guarded", "guard"),
    "codeward.experiment.manifest": ("Manifest", "Threat", "read_manifest"),
    "codeward.experiment.poisoning": ("poison_folder",),
    "codeward.experiment.record": ("Record", "read_record"),
    "codeward.experiment.repairing": ("Repaired", "repair"),
    "codeward.experiment.scanning": ("scan",),
    "codeward.experiment.training": ("train_run",),
    "codeward.metrics": ("Metric",),
    "codeward.report.html": ("render",),
    "codeward.tasks": ("Task",),
    "codeward.types": ("Poison", "Prediction", "Sample", "Score", "Span"),
    "codeward.victims": ("Victim", "load", "make_config"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Attack",
    "Audit",
    "Calibration",
    "CodewardError",
    "DataDefense",
    "DataFolder",
    "Guard",
    "Guarded",
    "InputDefense",
    "Inspection",
    "Manifest",
    "Metric",
    "ModelDefense",
    "Poison",
    "Poisoned",
    "Prediction",
    "Purified",
    "Record",
    "Repaired",
    "Sample",
    "Score",
    "Span",
    "Stamp",
    "Task",
    "Threat",
    "TrainingDefense",
    "Verdict",
    "Victim",
    "__version__",
    "audit_split",
    "calibrate",
    "evaluate",
    "fingerprint",
    "guard",
    "harvest",
    "load",
    "make_config",
    "open_data",
    "poison_folder",
    "read_manifest",
    "read_record",
    "render",
    "repair",
    "scan",
    "train_run",
    "write_data",
    "write_harvest",
]


def __getattr__(name: str) -> object:
    """Import a public name from its room."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'codeward' has no attribute {name!r}")
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    return __all__
