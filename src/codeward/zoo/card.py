"""Model cards: what a model is, what it was trained on, for how long, and how good it is."""

from collections.abc import Mapping
from typing import Any

from codeward.zoo.packing import SINGLE, counted

WHAT = {
    "encoder": (
        "a masked language model (ModernBERT shape)",
        "masked tokens right (15 % masked)",
        "AutoModelForMaskedLM",
    ),
    "seq2seq": (
        "an encoder-decoder (T5Gemma shape; span corruption and identifier denoising)",
        "tokens of corrupted spans right, the ones before them given",
        "AutoModelForSeq2SeqLM",
    ),
    "decoder": ("a causal language model (Llama shape)", "next tokens right", "AutoModelForCausalLM"),
}


def model_card(name: str, about: Mapping[str, Any]) -> str:
    """Return the card as Markdown.

    Args:
        name: The model's name.
        about: What ``pretrain`` has written down.
    """
    what, measure, auto = WHAT[about["config"]["kind"]]
    start = about["config"].get("start")
    corpus, last = about["corpus"], {row["language"]: row for row in about["curve"]}
    lines = [
        f"# {name}",
        "",
        f"{what[0].upper()}{what[1:]} of source code, made by `codeward pretrain`; "
        f"{about['parameters'] / 1e6:.1f} M parameters, a vocabulary of {corpus['vocabulary']:,}, context {corpus['length']}, "
        "half precision.",
        "",
        "```python",
        f"from transformers import {auto}, AutoTokenizer",
        "",
        f'model = {auto}.from_pretrained("{name}")',
        "```",
        "",
        "## Figures",
        "",
        f"{_unseen(corpus)} that were not trained on: {measure}, with 95 % intervals.",
        "",
        "| language | accuracy, % | interval | perplexity | n |",
        "|---|---|---|---|---|",
        *(
            f"| {language} | {100 * row['accuracy']:.1f} | {100 * row['low']:.1f} to {100 * row['high']:.1f} "
            f"| {row['perplexity']:.2f} | {row['n']:,} |"
            for language, row in last.items()
        ),
        *(f"| {language} | not measured | | | |" for language in corpus["tokens"] if language not in last),
        "",
        "## Data and budget",
        "",
        f"- {about['tokens_seen']:,} tokens in {about['steps']:,} steps, {_time(about['seconds'])} on "
        f"{about['device']}; seed {about['config']['seed']}, {about['config']['optimizer']}, "
        f"peak learning rate {about['config']['learning_rate']:g}, blocks of {corpus['length']} tokens.",
        *([f"- Both halves start from `{start}`, whose own budget comes on top (arXiv 2504.06225)."] if start else []),
        f"- Corpus: {corpus['documents']:,} files, each once; training tokens "
        + ", ".join(f"{language} {count:,}" for language, count in corpus["tokens"].items())
        + f"; from {', '.join(corpus['sources'])}.",
        "- Licences of the files: "
        + ", ".join(f"{name} ({count})" for name, count in corpus["licenses"].items())
        + ".",
        "- Left out: " + counted(corpus["skipped"]) + ".",
        "",
        "A small model for demonstrations, tests and defenses that need a language model of code; no substitute for a "
        "large one.",
        "",
    ]
    return "\n".join(lines)


def _unseen(corpus: Mapping[str, Any]) -> str:
    """Say what the figures are of."""
    return "On files (of the same repository)" if corpus.get("divided") == SINGLE else "On repositories"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
