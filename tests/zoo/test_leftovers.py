"""Only folders in the making that nobody writes any more are removed."""

import os
import time

import pytest

from codeward.zoo.leftovers import STALE, read_about, sweep


def folder(place, *, age=STALE + 60, mode=0o700, files=("model.safetensors", "config.json")):
    place.mkdir(mode=mode)
    for name in files:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("x")
    then = time.time() - age
    for each in [*place.rglob("*"), place]:
        os.utime(each, (then, then))
    return place


@pytest.mark.parametrize("files", [(), ("config.json",), ("train.npy", "valid-c.npy", "tokenizer/tokenizer.json")])
def test_a_dead_one_is_removed(tmp_path, files):
    dead = folder(tmp_path / ".m.ize33qe7", files=files)
    corpus = folder(tmp_path / "..m.corpus.cuq923kc", files=files)
    sweep(tmp_path / "m", tmp_path / ".m.corpus")
    assert not dead.exists()
    assert not corpus.exists()


@pytest.mark.parametrize(
    "name", ["m", ".m.old", ".m.corpus", ".m.pretraining", ".n.ize33qe7", ".m.x.ize33qe7", ".m.IZE33QE7", "m.ize33qe7", ".m-ize33qe7"]
)  # fmt: skip
def test_another_name_stays(tmp_path, name):
    kept = folder(tmp_path / name)
    sweep(tmp_path / "m", tmp_path / "m.x.y")
    assert kept.is_dir()


def test_what_is_young_or_not_ours_stays(tmp_path):
    young = folder(tmp_path / ".m.aaaaaaaa", age=STALE / 2)
    written = folder(tmp_path / ".m.bbbbbbbb")
    os.utime(written / "model.safetensors")
    open_ = folder(tmp_path / ".m.settings", mode=0o755)
    notes = folder(tmp_path / ".m.cccccccc", files=("config.json", "notes.docx"))
    target = folder(tmp_path / "elsewhere")
    link = tmp_path / ".m.dddddddd"
    link.symlink_to(target)
    file = tmp_path / ".m.eeeeeeee"
    file.write_text("x")
    os.utime(file, (0, 0))
    sweep(tmp_path / "m")
    for kept in (young, written, open_, notes, target / "config.json", link, file):
        assert kept.exists()


def test_places_that_have_no_siblings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = folder(tmp_path / "..abcdefgh")
    for place in (tmp_path.__class__("."), tmp_path.__class__(".."), tmp_path / "nowhere/m"):
        sweep(place)
    assert kept.is_dir()


@pytest.mark.parametrize("text", [None, "{", "[]", '{"config": {}, "corpus": {}}'])
def test_a_folder_that_says_nothing_of_a_run(tmp_path, text):
    if text is not None:
        (tmp_path / "codeward-zoo.json").write_text(text)
    assert read_about(tmp_path) is None
