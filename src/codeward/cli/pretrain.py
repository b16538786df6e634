"""``codeward pretrain``: make a small (or, on a GPU, a base-size) code model from source trees."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, Seed, parse_settings

NAME = "pretrain"
LANGUAGES = ("c", "cpp", "java", "python")
EXAMPLES = (
    "Examples:\n\n"
    "  codeward pretrain --kind encoder --corpus ~/src --minutes 60 -o my-encoder\n\n"
    "  codeward pretrain --kind decoder --corpus requests-2.32.tar.gz --corpus src.zip --exclude devign/ --minutes 30 -o d\n\n"
    "  codeward pretrain --kind encoder --packed my-corpus --set shape=base --minutes 600 -o base-encoder   (a GPU)"
)


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
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="How many steps to take instead.")] = None,
    languages: Annotated[
        list[str] | None, typer.Option("--language", help="Only this language; may be given several times.")
    ] = None,
    vocabulary: Annotated[int, typer.Option("--vocabulary", min=400, max=65_000, help="Size of the tokenizer.")] = 8192,
    length: Annotated[int, typer.Option("--length", min=16, max=512, help="Tokens a block.")] = 512,
    tokenizer: Annotated[Path | None, typer.Option("--tokenizer", help="Use this tokenizer.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other field of the configuration.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from a checkpoint.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Pretrain a code model from source code; stopped at any point, the same command goes on."""
    from codeward.victims.config import configured
    from codeward.zoo.pretrain import PretrainConfig, figures, pretrain

    named = {"kind": kind, "minutes": minutes, "steps": steps, "seed": seed}
    given = {**named, **_others(settings, named)}
    config = configured(
        PretrainConfig, "pretraining option", {key: value for key, value in given.items() if value is not None}
    )
    place = packed or output.with_name(f".{output.name}.corpus")
    _pack(place, corpus or [], exclude or [], tuple(languages or LANGUAGES), vocabulary, length, tokenizer, seed)
    with progress("pretraining") as advance:
        result = pretrain(
            place,
            config,
            output,
            resume=not fresh,
            progress=lambda step, total, loss: advance(step, total, f"loss {loss:.3f}"),
        )
    if json:
        emit_json({"output": str(output), "tokens": result.tokens, "seconds": result.seconds, "curve": result.curve})
        return
    reached = ", ".join(f"{name} {100 * row['accuracy']:.1f} %" for name, row in figures(result.curve).items())
    show(f"{output} holds the model ({result.parameters / 1e6:.1f} M parameters, {result.tokens:,} tokens): {reached}.")


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


def _pack(
    place: Path,
    sources: list[Path],
    exclude: list[Path],
    languages: tuple[str, ...],
    vocabulary: int,
    length: int,
    tokenizer: Path | None,
    seed: int,
) -> None:
    """Read, deduplicate, tokenize and pack the sources, unless that is done."""
    from codeward.code import LANGUAGES as KNOWN
    from codeward.errors import UnknownNameError, UsageError
    from codeward.seeds import derive_int
    from codeward.zoo.packing import FILE, read_card, write_corpus
    from codeward.zoo.sources import documents, function_keys

    asked = [sources, exclude, languages, vocabulary, length, tokenizer]
    request = f"{derive_int(seed, 'request', repr(asked)):016x}" if sources else ""
    if (place / FILE).is_file():
        if sources and read_card(place).request != request:
            raise UsageError(
                f"{place}: the packed corpus here is of other sources or settings; leave out --corpus to use it, or remove "
                "the folder"
            )
        return
    if not sources:
        raise UsageError("there is nothing to train on; name source trees with --corpus, or a packed one with --packed")
    for language in languages:
        if language not in KNOWN:
            raise UnknownNameError("language", language, KNOWN)
    skipped: Counter[str] = Counter()
    with progress("reading") as advance:
        keys = function_keys(exclude)
        found = list(documents(sources, languages, skipped, exclude=keys))
        card = write_corpus(
            place,
            found,
            vocabulary=vocabulary,
            length=length,
            seed=seed,
            sources=[source.name for source in sources],
            skipped=skipped,
            tokenizer=None if tokenizer is None else _load(tokenizer),
            request=request,
            progress=lambda done, total: advance(done, total, "packing"),
        )
    note(
        f"{place}: {sum(card.tokens.values()):,} tokens of {card.documents:,} files; left out: {card.skipped or 'nothing'}."
    )


def _load(path: Path) -> Any:
    import transformers

    from codeward.errors import ModelError

    try:
        return transformers.AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as problem:
        raise ModelError(f"{path}: the tokenizer cannot be loaded: {str(problem).splitlines()[0]}") from None
