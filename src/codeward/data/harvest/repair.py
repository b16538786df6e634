"""Harvest program repair: functions with a planted defect (see ``defect``), to be rewritten into what they were."""

from typing import ClassVar

from codeward.data.harvest._base import Draft, Recipe
from codeward.data.harvest.faults import NO_PLACE, plant
from codeward.data.harvest.functions import Found, key_of, normalize
from codeward.seeds import derive


class Repair(Recipe):
    """Functions with a planted defect, and without it."""

    task: ClassVar[str] = "repair"

    def draft(self, found: Found, seed: int) -> Draft | str:
        """Plant a defect; see ``Recipe.draft``."""
        original = normalize(found.code, found.language)
        planted = plant(found.code, found.language, derive(seed, "repair", key_of(original)))
        return NO_PLACE if planted is None else Draft(found, planted, found.code, (original,))
