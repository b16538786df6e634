"""Files and folders are written whole or not at all: with the right modes, nothing left over, and back where a swap went wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codeward import files
from codeward.errors import DataError
from codeward.files import new_file, new_folder, umask, write_text


@pytest.fixture
def mask_027():
    before = os.umask(0o027)
    yield
    os.umask(before)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return path.stat().st_mode & 0o777


def fill(folder, text):
    (folder / "a.txt").write_text(text)


def stop(seen):
    raise ValueError(f"stopped after {seen}")


def test_modes_are_those_of_the_umask(tmp_path, mask_027):
    write_text(tmp_path / "f.txt", "x")
    with new_folder(tmp_path / "d") as folder:
        fill(folder, "x")
    assert umask() == 0o027
    assert (mode(tmp_path / "f.txt"), mode(tmp_path / "d"), mode(tmp_path / "d/a.txt")) == (0o640, 0o750, 0o640)


def test_what_a_library_writes_for_its_owner_alone_is_opened_up(tmp_path, mask_027):
    with new_folder(tmp_path / "model") as folder:
        (folder / "part").mkdir(mode=0o700)
        for name in ("weights", "part/more"):
            (folder / name).touch(mode=0o600)
    modes = {name: mode(tmp_path / "model" / name) for name in ("weights", "part", "part/more")}
    assert modes == {"weights": 0o640, "part": 0o750, "part/more": 0o640}


def test_the_umask_is_read_without_being_changed(tmp_path, mask_027, monkeypatch):
    if files._told() is None:
        pytest.skip("this system does not tell a process's umask")

    def changed(_):
        raise AssertionError("another thread would create files under this umask")

    monkeypatch.setattr(os, "umask", changed)
    write_text(tmp_path / "f.txt", "x")
    assert mode(tmp_path / "f.txt") == 0o640
    monkeypatch.undo()


def test_where_nothing_tells_the_umask_it_is_that_of_the_import(mask_027, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "_STATUS", tmp_path / "nothing")
    monkeypatch.setattr(files, "_AT_IMPORT", files._at_import())
    assert umask() == 0o027
    assert os.umask(0o027) == 0o027
    (tmp_path / "nothing").write_text("Name:\tpython\n")
    assert umask() == 0o027


def test_a_file_that_fails_leaves_what_stood_there_and_nothing_else(tmp_path):
    write_text(tmp_path / "f.txt", "old")
    with pytest.raises(ValueError, match="stopped after 3"), new_file(tmp_path / "f.txt") as temporary:
        stop(temporary.write_text("new"))
    assert ((tmp_path / "f.txt").read_text(), names(tmp_path)) == ("old", ["f.txt"])


def test_a_file_is_on_the_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    steps = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("sync"), sync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, place: (steps.append("replace"), replace(self, place))[1])
    write_text(tmp_path / "f.txt", "x")
    assert steps == ["sync", "replace"]


def test_a_folder_takes_the_place_of_another_one(tmp_path):
    for text in ("old", "new"):
        with new_folder(tmp_path / "d") as folder:
            fill(folder, text)
    assert ((tmp_path / "d/a.txt").read_text(), names(tmp_path)) == ("new", ["d"])


@pytest.mark.parametrize("failing", [1, 2])
def test_a_swap_that_fails_leaves_the_old_folder(tmp_path, monkeypatch, failing):
    with new_folder(tmp_path / "d") as folder:
        fill(folder, "old")
    count, rename = 0, Path.rename

    def broken(self, place):
        nonlocal count
        count += 1
        if count == failing:
            raise PermissionError(13, "Permission denied")
        return rename(self, place)

    monkeypatch.setattr(Path, "rename", broken)
    with (
        pytest.raises(DataError, match="d: cannot be written: permission denied"),
        new_folder(tmp_path / "d") as folder,
    ):
        fill(folder, "new")
    assert ((tmp_path / "d/a.txt").read_text(), names(tmp_path)) == ("old", ["d"])


KILLED = """
import os, sys
from pathlib import Path
from codeward.files import new_folder
rename, count = Path.rename, 0
def dying(self, place):
    global count
    count += 1
    if count == 2:
        os._exit(9)
    return rename(self, place)
Path.rename = dying
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "a.txt").write_text("new")
"""


def test_a_folder_that_a_killed_process_left_aside_comes_back(tmp_path):
    with new_folder(tmp_path / "d") as folder:
        fill(folder, "old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "d")], check=False)
    assert killed.returncode == 9
    assert not (tmp_path / "d").exists()
    assert (tmp_path / ".d.old/a.txt").read_text() == "old"
    with pytest.raises(ValueError, match="stopped after old"), new_folder(tmp_path / "d"):
        stop((tmp_path / "d/a.txt").read_text())
    assert (tmp_path / "d/a.txt").read_text() == "old"
    assert not (tmp_path / ".d.old").exists()


def test_leftovers_beside_a_folder_that_stands_are_not_put_over_it(tmp_path):
    (tmp_path / ".d.old").mkdir()
    fill(tmp_path / ".d.old", "oldest")
    with new_folder(tmp_path / "d") as folder:
        fill(folder, "old")
    (tmp_path / ".d.old").mkdir()
    with new_folder(tmp_path / "d") as folder:
        assert (tmp_path / "d/a.txt").read_text() == "old"
        fill(folder, "new")
    assert ((tmp_path / "d/a.txt").read_text(), names(tmp_path)) == ("new", ["d"])
