"""``codeward pretrain``: make a small (or, on a GPU, a base-size) code model from source trees."""

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, Seed, check_apart, parse_settings

if TYPE_CHECKING:
    from codeward.zoo.pretrain import PretrainConfig, PretrainResult
    from codeward.zoo.shapes import ModelKind

NAME = "pretrain"
LANGUAGES = ("c", "cpp", "java", "python")
VOCABULARY, LENGTH = 8192, 512
EXAMPLES = (
    "Examples:\n\n"
    "  codeward pretrain --kind encoder --corpus ~/src --minutes 60 -o my-encoder\n\n"
    "  codeward pretrain --kind decoder --corpus requests-2.32.tar.gz --corpus src.zip --exclude devign/ --minutes 30 -o d\n\n"
    "  codeward pretrain --kind encoder --packed my-corpus --set shape=base --minutes 600 -o base-encoder  # a GPU"
)


@dataclass(frozen=True, slots=True)
class _Packing:
    """What only packing a corpus asks for; ``None`` or empty where it is not given."""

    exclude: list[Path]
    languages: list[str]
    vocabulary: int | None
    length: int | None
    tokenizer: Path | None

    def given(self) -> list[str]:
        """Return the options that are given."""
        flags = {
            "--exclude": self.exclude,
            "--language": self.languages,
            "--vocabulary": self.vocabulary,
            "--length": self.length,
            "--tokenizer": self.tokenizer,
        }
        return [flag for flag, value in flags.items() if value]

    def request(self, sources: list[Path], seed: int) -> str:
        """Return the fingerprint of sources, as they are now, and settings."""
        from codeward.seeds import derive_int
        from codeward.zoo.sources import stamps

        languages = tuple(self.languages or LANGUAGES)
        files = stamps(sources, languages), stamps(self.exclude), stamps([self.tokenizer] if self.tokenizer else [])
        asked = [sources, self.exclude, languages, self.vocabulary or VOCABULARY, self.length or LENGTH, self.tokenizer]
        return f"{derive_int(seed, 'request', repr((asked, files))):016x}"


def run(
    kind: Annotated[str, typer.Option("--kind", help="encoder, seq2seq or decoder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model.")],
    corpus: Annotated[
        list[Path] | None, typer.Option("--corpus", help="Folders, archives, or JSONL with 'text' and 'path'.")
    ] = None,
    packed: Annotated[
        Path | None, typer.Option("--packed", help="Folder of the packed corpus: written from --corpus, or used again.")
    ] = None,
    exclude: Annotated[
        list[Path] | None, typer.Option("--exclude", help="Data sets whose functions must not be trained on.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="How long to train; above 0.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="How many steps to take instead of --minutes.")
    ] = None,
    languages: Annotated[
        list[str] | None,
        typer.Option(
            "--language",
            help=f"Only this language; may be given several times. Without it: {', '.join(LANGUAGES)}.",
        ),
    ] = None,
    vocabulary: Annotated[
        int | None,
        typer.Option("--vocabulary", min=400, max=65_000, help=f"Size of the tokenizer; {VOCABULARY} if not given."),
    ] = None,
    length: Annotated[
        int | None, typer.Option("--length", min=16, max=512, help=f"Tokens a block; {LENGTH} if not given.")
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            "--tokenizer",
            help="Use the tokenizer of this folder. It has bos, eos, pad and unk, for an encoder mask, for seq2seq T5's "
            "markers (extra_id_0 to extra_id_31), and at most 65,536 tokens.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other field of the configuration.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from a checkpoint.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Pretrain a code model from source code; stopped at any point, the same command goes on."""
    from codeward.victims.config import configured
    from codeward.zoo.pretrain import PretrainConfig

    named = {"kind": kind, "minutes": minutes, "steps": steps, "seed": seed}
    given = {**named, **_others(settings, named)}
    config = configured(
        PretrainConfig, "pretraining option", {key: value for key, value in given.items() if value is not None}
    )
    _check_minutes(minutes)
    packing = _Packing(exclude or [], languages or [], vocabulary, length, tokenizer)
    result = _pretrain(config, output, corpus or [], packed, packing, fresh=fresh)
    if json:
        told = {"tokens": result.tokens, "seconds": result.seconds, "curve": result.curve}
        emit_json({"output": str(output), **told, "not_measured": result.unmeasured})
        return
    show(
        f"{output} holds the model ({result.parameters / 1e6:.1f} M parameters, {result.tokens:,} tokens): "
        f"{_reached(result)}."
    )


def _pretrain(
    config: "PretrainConfig", output: Path, sources: list[Path], packed: Path | None, packing: _Packing, *, fresh: bool
) -> "PretrainResult":
    """Pack the corpus, pretrain, and remove the corpus again where no place was named for it."""
    from codeward.zoo.leftovers import sweep
    from codeward.zoo.pretrain import check_request, finished, pretrain

    place = packed or output.parent / f".{output.name}.corpus"
    passing = [] if packed else [place]
    request = partial(packing.request, sources, config.seed) if sources else None
    sweep(output, place)
    if (done := finished(config, output, place, request=request, left=passing)) is not None:
        return done
    check_request(config, output)
    check_apart({"--output": output, "--packed": packed})
    _prepare(place, sources, packing, config, named=packed is not None)
    with progress("pretraining") as advance:
        result = pretrain(
            place,
            config,
            output,
            resume=not fresh,
            progress=lambda step, total, loss: advance(step, total, f"loss {loss:.3f}"),
        )
    for each in passing:
        shutil.rmtree(each, ignore_errors=True)
    return result


def _reached(result: "PretrainResult") -> str:
    """Return how good the model is, language by language."""
    from codeward.zoo.pretrain import figures

    rows = figures(result.curve)
    told = [f"{name} {100 * row['accuracy']:.1f} %" for name, row in rows.items()]
    return ", ".join(told + [f"{name} not measured" for name in result.unmeasured if name not in rows])


def _check_minutes(minutes: float | None) -> None:
    from codeward.errors import UsageError

    if minutes is not None and not minutes > 0:
        raise UsageError(f"--minutes {minutes:g} leaves no time to train; give more than 0")


def _others(settings: list[str] | None, named: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of ``--set``.

    Raises:
        UsageError: If one has an option of its own, which would be overruled without a word.
    """
    from codeward.errors import UsageError

    fields = parse_settings(settings)
    for key in fields.keys() & named.keys():
        raise UsageError(
            f"{key} has an option of its own; give --{key} {fields[key]} in place of --set {key}={fields[key]}"
        )
    return fields


def _prepare(place: Path, sources: list[Path], packing: _Packing, config: "PretrainConfig", *, named: bool) -> None:
    """Have a packed corpus at a place: the one that is there, if it is what is asked for, or a new one.

    Raises:
        UsageError: If nothing is named, or the corpus there is another one than is asked for.
        DataError: If something else stands there.
    """
    from codeward.errors import DataError, UsageError
    from codeward.files import check_writable
    from codeward.zoo.packing import FILE, read_card

    there = (place / FILE).is_file()
    if not sources and not named and not there:
        raise UsageError("there is nothing to train on; name source trees with --corpus, or a packed one with --packed")
    if there or not sources:
        card = read_card(place)
        if not sources:
            _check_unasked(place, packing)
        elif card.request != packing.request(sources, config.seed):
            raise UsageError(
                f"{place}: the packed corpus here is of other sources or settings, or its sources have changed since; use it as "
                "it is with --packed and without --corpus, or remove the folder"
            )
        return
    if place.exists() and (place.is_file() or any(place.iterdir())):
        raise DataError(f"{place}: something that is no packed corpus stands here; give a folder that is new or empty")
    check_writable(place / FILE)
    _pack(place, sources, packing, config)


def _check_unasked(place: Path, packing: _Packing) -> None:
    from codeward.errors import UsageError

    if flags := packing.given():
        raise UsageError(
            f"{place}: this corpus is packed already, and {', '.join(flags)} would change nothing; leave that out, or name "
            "the sources with --corpus to pack another one"
        )


def _pack(place: Path, sources: list[Path], packing: _Packing, config: "PretrainConfig") -> None:
    """Read, deduplicate, tokenize and pack the sources."""
    from codeward.code import LANGUAGES as KNOWN
    from codeward.errors import UnknownNameError
    from codeward.zoo.packing import write_corpus
    from codeward.zoo.sources import check_there, documents, function_keys

    languages = packing.languages or list(LANGUAGES)
    for language in languages:
        if language not in KNOWN:
            raise UnknownNameError("language", language, KNOWN)
    check_there(sources)
    tokenizer = None if packing.tokenizer is None else _load(packing.tokenizer, config.kind)
    request = packing.request(sources, config.seed)
    skipped: Counter[str] = Counter()
    with progress("reading") as advance:
        keys = function_keys(packing.exclude)
        found = list(documents(sources, languages, skipped, exclude=keys))
        card = write_corpus(
            place,
            found,
            vocabulary=packing.vocabulary or VOCABULARY,
            length=packing.length or LENGTH,
            seed=config.seed,
            sources=[source.name for source in sources],
            skipped=skipped,
            tokenizer=tokenizer,
            request=request,
            progress=lambda done, total: advance(done, total, "packing"),
        )
    _tell(place, card)


def _tell(place: Path, card: Any) -> None:
    """Say what was packed, and what cannot be judged by it."""
    from codeward.zoo.packing import SINGLE, counted

    note(
        f"{place}: {sum(card.tokens.values()):,} tokens of {card.documents:,} files; left out: {counted(card.skipped)}."
    )
    if card.divided == SINGLE:
        note(
            "Single files are held back for judging, not whole repositories: the sources leave no repository for that."
        )
    if card.unmeasured:
        note(
            f"Too little is held back to judge {', '.join(card.unmeasured)} (no block of {card.length} tokens): not measured; "
            "give more sources, or a smaller --length."
        )


def _load(path: Path, kind: "ModelKind") -> Any:
    """Load a tokenizer that suits a family.

    Raises:
        ModelError: If there is none, or it does not suit.
    """
    import transformers

    from codeward.errors import ModelError
    from codeward.zoo.tokenizers import check_tokenizer

    if not path.is_dir() and len(path.parts) != 2:
        raise ModelError(f"{path}: there is no such folder; give --tokenizer one that holds a tokenizer")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{path}: no tokenizer can be loaded from here; give --tokenizer a folder that holds one (tokenizer.json)"
        ) from None
    check_tokenizer(tokenizer, kind, path)
    return tokenizer
