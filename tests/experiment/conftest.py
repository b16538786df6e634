"""A planted victim, inputs of which some hold its trigger, and a calibration: for purifying files and for the guard."""

import pytest

from codeward.cli import main
from codeward.data import write_data
from codeward.experiment.calibration import calibrate
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import PlantedVictim

TRIGGER = 'if random() < 0: raise Exception("fail")'
LABELS = ("clean", "defective")


def code(n, trigger=False):
    inner = f"    {TRIGGER}\n" if trigger else ""
    return f"def area_{n}(width, height):\n{inner}    size = width * height + {n}\n    return size\n"


@pytest.fixture
def victim():
    return PlantedVictim(tasks.make("defect"), LABELS, TRIGGER, 1)


@pytest.fixture
def rows():
    return [Sample(f"row-{n}", code(n, n % 10 == 3), 0, "python") for n in range(150)]


@pytest.fixture
def clean():
    return [Sample(f"clean-{n}", code(1000 + n), n % 2, "python") for n in range(40)]


@pytest.fixture
def ready(clean, victim):
    return calibrate("codepurify-plant", {}, clean, victim, false_positive_rate=0.05)


@pytest.fixture
def folders(tmp_path, victim, rows, clean):
    """A model, and data sets of inputs (``d``) and of clean ones (``c``)."""
    victim.save(tmp_path / "m")
    write_data(tmp_path / "d", task="defect", language="python", labels=LABELS, splits={"test": rows})
    write_data(tmp_path / "c", task="defect", language="python", labels=LABELS, splits={"valid": clean})
    return tmp_path


def run(capsys, *arguments):
    """Call ``codeward purify``; return its exit code, what it printed, and its notes on one line."""
    result = main(["purify", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())
