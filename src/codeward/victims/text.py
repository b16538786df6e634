"""Text as tokenizers take it."""

import re

HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Return a text in which halves of characters, which JSON can hold, are replacement marks; of the same length."""
    return text if text.isascii() else HALF.sub("\ufffd", text)
