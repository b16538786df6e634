"""Read a suite from its file: every name checked, what is left out filled in, other suites taken in."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codeward.bench.reported import reported
from codeward.bench.suite import NONE, AttackSpec, Block, Suite, Zoo
from codeward.errors import DataError, UnknownNameError

SUFFIX = ".toml"
NOUNS = ("data", "models", "attacks", "defenses")


def builtin_suites() -> dict[str, Path]:
    """Return the suites that come with Codeward: name and file."""
    folder = Path(str(resources.files("codeward.bench") / "suites"))
    return {file.stem: file for file in sorted(folder.glob(f"*{SUFFIX}"))}


def read_suite(name: str) -> Suite:
    """Read a suite by the name of a built-in one or from a file.

    Raises:
        UnknownNameError: If it is neither.
        DataError: If there is no such file, or it is not a suite, or includes itself; the sentence says where.
    """
    return _read(name, ())


def _read(name: str, within: tuple[Path, ...]) -> Suite:
    """Read a suite that others include, the outermost first."""
    known = builtin_suites()
    file = known.get(name, Path(name))
    if not file.is_file() and (file.suffix == SUFFIX or len(file.parts) > 1):
        raise DataError(f"{name}: there is no such suite file; the built-in suites are: {', '.join(known)}")
    if not file.is_file():
        raise UnknownNameError("suite", name, known)
    chain = (*within, file.resolve())
    if file.resolve() in within:
        circle = " includes ".join(each.name for each in chain[within.index(file.resolve()) :])
        raise DataError(f"{within[-1]}: {circle}; a suite cannot hold itself, so leave one of them out of include")
    suite = _parsed(file)
    _check_names(file, suite)
    _check_settings(file, suite)
    suite = suite.model_copy(update={"grid": _whole_grid(suite), "zoo": _whole_zoo(suite)})
    for each in suite.include:
        suite = _taken_in(file, suite, _read(each, chain))
    if not suite.grid and not suite.zoo:
        raise DataError(f"{file}: it needs data, models and attacks, or suites to include")
    _check_notes(file, suite)
    return suite


def _parsed(file: Path) -> Suite:
    try:
        return Suite.model_validate({"name": file.stem, **tomllib.loads(file.read_text(encoding="utf-8"))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DataError(f"{file}: not TOML: {problem}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = "it is empty; leave it out, or name at least one" if first["type"] == "too_short" else first["msg"]
        raise DataError(f"{file}: {where}: {what}") from None


def _whole_grid(suite: Suite) -> tuple[Block, ...]:
    """Return the grid with every block naming all that it means."""
    whole = {noun: tuple(getattr(suite, noun)) for noun in (*NOUNS, "rates", "seeds")}
    if not (suite.data and suite.models and suite.attacks) or (suite.zoo and not suite.grid):
        return ()
    return tuple(
        Block.model_validate({noun: getattr(block, noun) or names for noun, names in whole.items()})
        for block in suite.grid or (Block(),)
    )


def _whole_zoo(suite: Suite) -> tuple[Zoo, ...]:
    """Return the zoos, each naming all that it means."""
    whole: dict[str, tuple[Any, ...]] = {
        "data": tuple(suite.data),
        "models": tuple(suite.models),
        "attacks": tuple(name for name in suite.attacks if name != NONE),
        "rates": suite.rates,
        "detectors": tuple(name for name, spec in suite.defenses.items() if (spec.defense or name) != NONE),
        "seeds": suite.seeds,
    }
    return tuple(
        zoo.model_copy(update={noun: getattr(zoo, noun) or names for noun, names in whole.items()}) for zoo in suite.zoo
    )


def _taken_in(file: Path, suite: Suite, other: Suite) -> Suite:
    """Return a suite with the tables and the grid of another.

    Raises:
        DataError: If the two mean different things by one name.
    """
    merged: dict[str, Any] = {noun: getattr(suite, noun) + getattr(other, noun) for noun in ("grid", "zoo", "notes")}
    for noun in NOUNS:
        ours, theirs = getattr(suite, noun), getattr(other, noun)
        unlike = [name for name in ours if name in theirs and ours[name] != theirs[name]]
        if unlike:
            raise DataError(f"{file}: suite {other.name!r} means something else by {noun} {unlike[0]!r}; rename it")
        merged[noun] = {**ours, **theirs}
    merged["protected"] = min(suite.protected, other.protected)
    return suite.model_copy(update=merged)


def _check_names(file: Path, suite: Suite) -> None:
    known: Mapping[str, Mapping[str, object]] = {noun: getattr(suite, noun) for noun in NOUNS}
    judges = {"detectors" if noun == "defenses" else noun: names for noun, names in known.items()}
    for where, tables, allowed in (("grid", suite.grid, known), ("zoo", suite.zoo, judges)):
        for number, table in enumerate(tables, start=1):
            for noun, names in allowed.items():
                for name in getattr(table, noun):
                    if name not in names:
                        raise DataError(f"{file}: {where} {number}: {UnknownNameError(noun, name, names)}")


def _check_settings(file: Path, suite: Suite) -> None:
    """Refuse what would silently do nothing: settings of what is not there, and figures of a paper that is not known."""
    for noun, specs in (("attacks", suite.attacks), ("defenses", suite.defenses)):
        for name, spec in specs.items():
            method = spec.attack if isinstance(spec, AttackSpec) else spec.defense
            idle = sorted(spec.model_fields_set - {"attack", "defense", "stage"})
            if (method or name) == NONE and idle:
                raise DataError(
                    f"{file}: {noun}.{name}: {NONE!r} does nothing, so {idle[0]} has no effect; leave it out"
                )
    papers = sorted({table.paper for table in reported()})
    if suite.paper is not None and suite.paper not in papers:
        raise DataError(f"{file}: {UnknownNameError('paper', suite.paper, papers)}")


def _check_notes(file: Path, suite: Suite) -> None:
    """Refuse a note on what neither the suite nor those that it includes have."""
    known: Mapping[str, Mapping[str, object]] = {
        "data": suite.data,
        "model": suite.models,
        "attack": suite.attacks,
        "defense": suite.defenses,
    }
    for number, note in enumerate(suite.notes, start=1):
        for noun, names in known.items():
            name = getattr(note, noun)
            if name is not None and name not in names:
                raise DataError(f"{file}: notes {number}: {UnknownNameError(noun, name, names)}")
