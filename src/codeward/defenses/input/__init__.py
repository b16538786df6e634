"""Input-stage defenses: they stand before a served model, find the trigger in an input and take it out."""

from codeward.defenses._elements import Element
from codeward.defenses._hiding import NoveltyTeller
from codeward.defenses.input._base import (
    FALSE_POSITIVES,
    Change,
    Examination,
    InputDefense,
    Progress,
    Purified,
    answers_of,
    input_defenses,
)
from codeward.defenses.input._judging import lack

__all__ = [
    "FALSE_POSITIVES",
    "Change",
    "Element",
    "Examination",
    "InputDefense",
    "NoveltyTeller",
    "Progress",
    "Purified",
    "answers_of",
    "input_defenses",
    "lack",
]
