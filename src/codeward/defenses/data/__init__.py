"""Data-stage defenses: which rows of a training set are poisoned, and why."""

from codeward.defenses.data._base import Audit, DataDefense, ModelAudit, data_defenses
from codeward.defenses.data._verdicts import Evidence, Finding, Verdict
from codeward.defenses.data._work import Arrays, Progress, Work

__all__ = [
    "Arrays",
    "Audit",
    "DataDefense",
    "Evidence",
    "Finding",
    "ModelAudit",
    "Progress",
    "Verdict",
    "Work",
    "data_defenses",
]
