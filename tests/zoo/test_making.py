"""A folder in the making has one place for all runs of a name, so that what a killed one left goes with the next."""

import errno

import pytest

from codeward.errors import DataError
from codeward.zoo.making import making, room_of


def left(place):
    """Leave what a run leaves that is killed while it writes."""
    (room_of(place) / ".m.ize33qe7").mkdir(parents=True)
    (room_of(place) / ".m.ize33qe7/model.safetensors").write_text("half")


def write(folder, text="new"):
    (folder / "model.safetensors").write_text(text)


@pytest.mark.parametrize("before", [None, "empty", "full"])
def test_it_takes_its_place_and_removes_what_a_killed_run_left(tmp_path, before):
    place = tmp_path / "m"
    left(place)
    if before:
        place.mkdir()
    if before == "full":
        (place / "old").touch()
    with making(place) as folder:
        write(folder)
    assert [each.name for each in place.iterdir()] == ["model.safetensors"]
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


def test_where_the_block_fails_nothing_is_left_and_what_stood_there_stays(tmp_path):
    place = tmp_path / "m"
    place.mkdir()
    (place / "old").touch()
    with pytest.raises(TypeError), making(place) as folder:
        write(folder, None)
    assert (place / "old").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


def test_a_full_disk_and_other_problems_name_the_place_that_was_asked_for(tmp_path):
    place = tmp_path / "m"
    with pytest.raises(DataError, match=f"^{place}: the disk is full") as told, making(place):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert ".making" not in str(told.value)
    with pytest.raises(DataError, match="another matter"), making(place):
        raise DataError("another matter")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written: "), making(tmp_path / "file/m"):
        pass
