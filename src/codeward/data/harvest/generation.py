"""Harvest text-to-code generation: the first paragraph of the documentation asks, the function answers.

Taken as in CodeSearchNet (arXiv 1909.09436), read in the other direction; the code of a row is empty, its prompt is the
documentation, its target the function without it.
"""

from typing import ClassVar

from codeward.data.docs import first_paragraph
from codeward.data.harvest._base import Draft, Recipe, plain_name
from codeward.data.harvest.functions import Found, normalize
from codeward.data.harvest.search import unsuitable
from codeward.types import PROMPT


class Generation(Recipe):
    """Documentation, and the function that it describes."""

    task: ClassVar[str] = "generation"

    def draft(self, found: Found, seed: int) -> Draft | str:
        """Pair a description with its function; see ``Recipe.draft``."""
        prompt = first_paragraph(found.doc)
        reason = plain_name(found) or unsuitable(prompt)
        if reason is not None:
            return reason
        return Draft(found, "", found.code, (normalize(found.code, found.language), prompt.lower()), {PROMPT: prompt})
