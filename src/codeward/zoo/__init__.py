"""The embedded mini models and the recipe that made them. Importing this package loads no torch."""

from pathlib import Path

FOLDER = Path(__file__).parent / "models"
MINIS = {
    "mini-encoder": "ModernBERT shape, pretrained on real code, inside the package",
    "mini-seq2seq": "T5Gemma shape, pretrained on real code, inside the package",
    "mini-decoder": "Llama shape, pretrained on real code, inside the package",
}


def embedded() -> dict[str, str]:
    """Return name and summary of the mini models that this installation holds."""
    return {name: summary for name, summary in MINIS.items() if (FOLDER / name / "config.json").is_file()}


def resolve(model: str) -> str:
    """Return the folder of a mini model; any other name as it is."""
    return str(FOLDER / model) if model in embedded() else model
