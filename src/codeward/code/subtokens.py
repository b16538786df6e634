"""The words that a name is made of."""

import re

_SUBTOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def subtokens(name: str) -> list[str]:
    """Return the sub-tokens of an identifier, or of all in a text, in lower case: ``parseURLPath_2`` is ``parse url path 2``."""
    return [word.lower() for word in _SUBTOKEN.findall(name)]
