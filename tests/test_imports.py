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
