"""Listing what there is must be quick: it loads none of the heavy packages."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "datasets", "sklearn", "matplotlib", "scipy", "accelerate", "peft")
LISTINGS = {
    "attacks": "import codeward; from codeward.attacks import attacks; assert attacks.names()",
    "payloads": "from codeward.attacks.payloads import payloads; assert payloads.names()",
    "tasks": "from codeward.tasks import tasks; assert tasks.names()",
    "metrics": "from codeward.metrics import metrics; assert metrics.names()",
}


SLOW = ("torch", "transformers", "datasets", "sklearn", "scipy.stats", "accelerate", "peft")
"""What not even listing everything loads; the data defenses' matrices are of ``scipy.sparse``, which is quick."""
WORKING = (
    "codeward.code",
    "codeward.data",
    "codeward.attacks",
    "codeward.defenses",
    "codeward.victims",
    "numpy",
    *HEAVY,
)
"""What a verb loads when it works, and its help does not."""


def loaded(code, names):
    """Return which of some modules a program has loaded at its end."""
    told = f"{code}\nimport sys\nprint('LOADED', [name for name in {names!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.rpartition("LOADED")[2].strip()


@pytest.mark.parametrize("listing", LISTINGS)
def test_listing_loads_no_heavy_package(listing):
    assert loaded(LISTINGS[listing], HEAVY) == "[]"


def test_listing_everything_loads_no_slow_package():
    assert loaded("from codeward.cli.list_ import catalogue\nassert len(catalogue()) > 8", SLOW) == "[]"


@pytest.mark.parametrize("verb", ["", "evaluate", "poison", "demo", "purify", "scan", "bench"])
def test_help_loads_nothing_to_work_with(verb):
    arguments = [*([verb] if verb else []), "--help"]
    assert loaded(f"from codeward.cli import main\nassert main({arguments!r}) == 0", WORKING) == "[]"


def test_public_names_are_there_and_what_they_say():
    import codeward

    for name in codeward.__all__:
        assert getattr(codeward, name) is not None
    assert codeward.Sample.__module__ == "codeward.types"
    assert callable(codeward.evaluate)
    assert callable(codeward.make_config)
    assert not hasattr(codeward, "TrainConfig")  # its own defaults suit no pretrained model: make_config is the one way
    assert set(codeward.__all__) == set(dir(codeward))
    with pytest.raises(AttributeError, match="'codeward' has no attribute 'nothing'"):
        _ = codeward.nothing
