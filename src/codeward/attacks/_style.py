"""Data sets that were split into tokens have a space around each; what is put into them has to look alike."""

import re

_OPERATOR = (
    r">>>=|<=>|\.\.\.|>>>|<<=|>>=|[!=]==|\*\*=|//=|&&=|\|\|=|\?\?=|&\^=|->\*|[-+*/%&|^@=!<>:]=|::|->|=>|\+\+|--|<<|>>"
    r"|&&|\|\||\?\?|\*\*|//|<-|&\^|\.\*|<>|\?\.(?!\d)"
)
_STRING = r'"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'"
_TOKEN = re.compile(
    r"/\*.*?\*/"
    rf"|(?:[bBfFrRuUL]|u8|[bBfF][rR]|[rR][bBfF])?(?:{_STRING})"
    r"|`(?:\\.|[^`\\])*`"
    r"|\.?\d(?:[eEpP][+-]|'(?=\w)|[\w.])*"
    r"|#?[\w$]+"
    rf"|{_OPERATOR}|[^\w\s]"
)
"""Comments, texts with their prefixes, numbers, names, operators: nothing that a space would break."""
_QUOTED = re.compile(_STRING)
_TIGHT = re.compile(r"\S[();]|\(\S")


def in_style_of(code: str, text: str) -> str:
    """Return a piece of code, with a space between its tokens where the surrounding code has them so.

    Args:
        code: The surrounding code.
        text: One line that is to be put in.
    """
    plain = _QUOTED.sub("_", code)
    if "(" not in plain or _TIGHT.search(plain):
        return text
    return " ".join(_TOKEN.findall(text))
