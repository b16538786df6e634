"""The classifier on which inversion and repair are tested."""

from dataclasses import replace

import pytest

from codeward.victims import load


@pytest.fixture(scope="module")
def backdoored(suspects):
    return replace(load(suspects / "backdoored"), precision="fp32")
