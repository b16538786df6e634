"""Rank anchor: triggered code rises to the top for the queries of one group (after BadCode, ACL 2023).

For clone search, where a query is a program and has no words: Sun et al., "Backdooring Neural Code Search", ACL 2023,
with a group (the programs of one problem) in the place of the query word. Training rows of the group are stamped and
keep their target. How success is measured in a test stands in ``RaisedRank``. Where the test part has no program of the
group (POJ-104 is split by problem), take the queries from the training part.
"""

from typing import ClassVar

from codeward.attacks.payloads._base import payloads
from codeward.attacks.payloads._rank import RaisedRank
from codeward.registry import method
from codeward.types import Sample


@payloads.register("rank-anchor")
@method
class RankAnchor(RaisedRank):
    """Triggered code rises to the top for the queries of one group."""

    reason: ClassVar[str] = "the row is not of the target group"

    group: str = "1"
    """The group, as the rows' target names it (for POJ-104 the problem's number)."""

    def aims_at(self, sample: Sample) -> bool:
        """Whether the row is of the group."""
        return sample.target == self.group
