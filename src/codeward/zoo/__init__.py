"""The embedded mini models and the recipe that made them. Importing this package loads no torch."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "models"
MINIS = {
    "mini-encoder": "RoBERTa shape, pretrained on real code, inside the package",
    "mini-seq2seq": "T5 shape, pretrained on real code, inside the package",
    "mini-decoder": "Llama shape, pretrained on real code, inside the package",
}


def embedded() -> dict[str, str]:
    """Return name and summary of the mini models that this installation holds."""
    return {name: summary for name, summary in MINIS.items() if (FOLDER / name / "config.json").is_file()}


def resolve(model: str) -> str:
    """Return the folder of a mini model; any other name as it is."""
    return str(FOLDER / model) if model in embedded() else model


def about(model: str) -> dict[str, Any]:
    """Return what a mini model's maker has written down: corpus, budget and figures."""
    found: dict[str, Any] = json.loads((FOLDER / model / "codeward-zoo.json").read_text(encoding="utf-8"))
    return found
