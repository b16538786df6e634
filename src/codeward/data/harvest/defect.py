"""Harvest defect detection as CuBERT did (arXiv 2001.00059): half of the functions have a planted defect.

Label 1 is a function with one variable misused, one operator wrong or two arguments swapped; label 0 is one that was
left as it is although a defect could have been planted, so that nothing but the defect tells the two apart. A function
is in the set once, in one of the two forms.
"""

from collections.abc import Sequence
from typing import ClassVar

from codeward.data.harvest._base import Draft, Finished, Recipe
from codeward.data.harvest.faults import NO_PLACE, plant
from codeward.data.harvest.functions import Found, key_of, normalize
from codeward.seeds import derive

LABELS = ("clean", "defective")


class Defect(Recipe):
    """Functions, half of them with a planted defect."""

    task: ClassVar[str] = "defect"

    def draft(self, found: Found, seed: int) -> Draft | str:
        """Plant a defect, or not; see ``Recipe.draft``."""
        original = normalize(found.code, found.language)
        rng = derive(seed, "defect", key_of(original))
        defective = rng.random() < 0.5
        planted = plant(found.code, found.language, rng)
        if planted is None:
            return NO_PLACE
        return Draft(found, planted if defective else found.code, int(defective), (original,))

    def finish(self, drafts: Sequence[Draft], labels: int, train: Sequence[Draft]) -> Finished:
        """Return all drafts and the two labels; see ``Recipe.finish``."""
        return list(drafts), LABELS
