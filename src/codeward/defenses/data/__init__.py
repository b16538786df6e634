"""Data-stage defenses: which rows of a training set are poisoned, and why."""

from codeward.defenses.data._base import Audit, DataDefense, Evidence, Finding, Verdict, data_defenses

__all__ = ["Audit", "DataDefense", "Evidence", "Finding", "Verdict", "data_defenses"]
