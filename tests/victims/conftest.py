import pytest

from codeward.types import QUERY, Sample


def function(n, verb):
    body = "return self.items" if verb == "get" else "self.items = value"
    return f"def f_{n}(self, value):\n    total_{n} = {n}\n    {body}\n"


@pytest.fixture(scope="session")
def rows():
    return [
        Sample(f"row-{n}", function(n, "get" if n % 2 else "set"), n % 2, "python", {QUERY: f"number {n}"})
        for n in range(64)
    ]
