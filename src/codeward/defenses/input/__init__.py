"""Input-stage defenses: they stand before a served model, find the trigger in an input and take it out."""

from codeward.defenses.input._base import (
    Change,
    Element,
    Examination,
    InputDefense,
    Progress,
    Purified,
    input_defenses,
)

__all__ = ["Change", "Element", "Examination", "InputDefense", "Progress", "Purified", "input_defenses"]
