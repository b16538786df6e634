"""The site: every page is in its navigation and every page of the navigation is there; it builds without a warning."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def _pages(entry: object) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        entry = list(entry.values())
    if isinstance(entry, list):
        for each in entry:
            yield from _pages(each)


def test_the_navigation_holds_every_page_once():
    assert sorted(_pages(CONFIG["nav"])) == sorted(
        page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")
    )


def test_nothing_is_fetched_from_elsewhere():
    assert CONFIG["theme"]["font"] is False
    assert not any("//" in asset for asset in [*CONFIG["extra_css"], *CONFIG.get("extra_javascript", [])])


def test_it_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="the site needs the extra 'docs'")
    pytest.importorskip("material", reason="the site needs the extra 'docs'")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").is_file()
