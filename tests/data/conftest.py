import gzip
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Rows = Sequence[Mapping[str, Any]]


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[[str, Rows], Path]:
    """Write a JSON Lines file under the test's folder and return the folder."""

    def write(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the published sets; the test is skipped where it is absent."""
    place = os.environ.get("CODEWARD_DATA")
    folder = Path(place) if place else Path(__file__).parents[2].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the published data sets are not in {folder}; set CODEWARD_DATA")
    return folder
