"""What the identifier attacks share: which name is changed, and in what order others are tried."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Annotated, Literal

from pydantic import StringConstraints

from codeward.code import LANGUAGES, Edited, Identifier, Role, check_name, function, identifiers, rename
from codeward.errors import CodeError, UsageError
from codeward.types import Sample

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""A name that is an identifier in every language, keywords apart."""

Which = Literal["variable", "function", "any", "either"]
"""``any``: a variable, else the function; ``either``: a coin decides for each row, and the other is the fallback."""

Pick = Literal["random", "first", "least-used", "most-used"]

KEPT = frozenset({"_", "self", "cls"})
"""Names that a convention fixes, though not the language."""


def check_new_name(name: str, samples: Sequence[Sample]) -> None:
    """Refuse a name that no row of a set can take, since it is a keyword of its language.

    Raises:
        UsageError: If so.
    """
    problems = {
        language: _problem(name, language) for language in {sample.language for sample in samples} & {*LANGUAGES}
    }
    if problems and all(problems.values()):
        raise UsageError(f"option name: {problems[min(problems)]}")


def _problem(name: str, language: str) -> str:
    try:
        check_name(name, language)
    except CodeError as problem:
        return str(problem)
    return ""


def change_name(
    sample: Sample, which: Which, pick: Pick, rng: Random, new_name: Callable[[str], str]
) -> tuple[Identifier, Edited] | None:
    """Rename the first suitable identifier of a sample's code.

    Args:
        sample: The sample.
        which: Whether a variable (or parameter) or the function is renamed.
        pick: Which of several variables comes first.
        rng: The sample's generator.
        new_name: Returns the new name of a name.

    Returns:
        The identifier with the edit, or ``None`` if there is none whose new name is free.
    """
    for identifier in _in_order(sample, which, pick, rng):
        try:
            edited = rename(sample.code, sample.language, identifier, new_name(identifier.name))
        except CodeError:
            continue
        return identifier, edited
    return None


def _in_order(sample: Sample, which: Which, pick: Pick, rng: Random) -> Iterator[Identifier]:
    found = [each for each in identifiers(sample.code, sample.language) if each.name not in KEPT]
    variables = [each for each in found if each.role in (Role.VARIABLE, Role.PARAMETER)]
    rng.shuffle(variables)
    if pick == "first":
        variables.sort(key=lambda each: each.spans[0])
    elif pick != "random":
        variables.sort(key=lambda each: len(each.spans), reverse=pick == "most-used")
    outermost = function(sample.code, sample.language)
    functions = [
        each
        for each in found
        if outermost is not None and each.role is Role.FUNCTION and outermost.name_span in each.spans
    ]
    if which == "function" or (which == "either" and rng.random() < 0.5):
        yield from functions
        yield from variables if which == "either" else ()
    else:
        yield from variables
        yield from functions if which != "variable" else ()
