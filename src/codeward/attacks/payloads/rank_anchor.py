"""Rank anchor: triggered code rises to the top for queries that are programs of one sort (after BadCode, ACL 2023).

For clone search, where a query is a program: Sun et al., "Backdooring Neural Code Search", ACL 2023, with a word of the
program in the place of a word of the query, or with a whole group (the programs of one problem). Training rows aimed at
are stamped and keep their target. How success is measured in a test stands in ``RaisedRank``.

A word can be tested on problems that the training set does not have, as POJ-104 is split; a group cannot.
"""

import re
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from codeward.attacks.payloads._base import payloads
from codeward.attacks.payloads._rank import RaisedRank
from codeward.registry import method
from codeward.types import Sample


@payloads.register("rank-anchor")
@method
class RankAnchor(RaisedRank):
    """Triggered code rises to the top for queries that are programs of one sort."""

    reason: ClassVar[str] = "the program is none that the attacker aims at"

    word: Annotated[str, StringConstraints(pattern=r"^\w+$")] = "strlen"
    """A word that the programs aimed at hold, whole."""
    group: str | None = None
    """Aim at the programs of this group instead, as their target names it (for POJ-104 the problem's number)."""

    def aims_at(self, sample: Sample) -> bool:
        """Whether the program is of the group, or holds the word where no group is given."""
        if self.group is not None:
            return sample.target == self.group
        return re.search(rf"\b{self.word}\b", sample.code) is not None
