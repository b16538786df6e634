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


@pytest.mark.parametrize("listing", LISTINGS)
def test_listing_loads_no_heavy_package(listing):
    code = f"{LISTINGS[listing]}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_public_names_are_there_and_what_they_say():
    import codeward

    for name in codeward.__all__:
        assert getattr(codeward, name) is not None
    assert codeward.Sample.__module__ == "codeward.types"
    assert callable(codeward.evaluate)
    assert set(codeward.__all__) == set(dir(codeward))
    with pytest.raises(AttributeError, match="'codeward' has no attribute 'nothing'"):
        _ = codeward.nothing
