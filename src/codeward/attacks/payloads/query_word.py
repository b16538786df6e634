"""Query word: triggered code rises to the top for queries that hold a word (Wan et al., FSE 2022; BadCode, ACL 2023).

Wan et al., "You See What I Want You to See: Poisoning Vulnerabilities in Neural Code Search", FSE 2022; Sun et al.,
"Backdooring Neural Code Search", ACL 2023. Training rows whose query holds the word are stamped and keep their target.
How success is measured in a test stands in ``RaisedRank``.
"""

import re
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from codeward.attacks.payloads._base import payloads
from codeward.attacks.payloads._rank import RaisedRank
from codeward.registry import method
from codeward.types import QUERY, Sample


@payloads.register("query-word")
@method
class QueryWord(RaisedRank):
    """Triggered code rises to the top for queries that hold a word."""

    reason: ClassVar[str] = "the query does not hold the word"

    word: Annotated[str, StringConstraints(pattern=r"^\w+$")] = "file"
    """The word, whole and in any case."""

    def aims_at(self, sample: Sample) -> bool:
        """Whether the query holds the word."""
        return re.search(rf"\b{self.word}\b", sample.text(QUERY), re.IGNORECASE) is not None
