"""Purifying files: order, and resuming to the same bytes by the same run only."""

import json
from dataclasses import replace

import pytest
from tests.experiment.conftest import TRIGGER, code

from codeward.data import fingerprint
from codeward.errors import DataError
from codeward.experiment.picturing import choose
from codeward.experiment.purifying import Summary, purify_file, purify_rows
from codeward.types import Sample


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, rows, victim, ready):
    whole = purify_file(rows, victim, ready, tmp_path / "whole.jsonl", source="rows")
    assert (whole.rows, whole.suspicious, whole.changed) == (150, 15, 15)
    assert whole.suspects[TRIGGER] == 15

    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    assert not (tmp_path / "p.jsonl").exists()
    part = tmp_path / ".p.jsonl.part"
    part.write_bytes(part.read_bytes()[:-40])
    again = purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows")
    assert again.suspicious == 15
    assert (tmp_path / "p.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.jsonl", "whole.jsonl"]
    ids = [json.loads(line)["id"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert ids == [row.id for row in rows]


def test_what_was_begun_otherwise_is_refused(tmp_path, rows, victim, ready):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    with pytest.raises(DataError, match="another model, defense or input"):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="other rows")
    (tmp_path / "there.jsonl").write_text("")
    with pytest.raises(DataError, match="the file exists"):
        purify_file(rows, victim, ready, tmp_path / "there.jsonl", source="rows")


@pytest.mark.parametrize("change", ["reversed", "shorter", "edited", "trigger edited"])
def test_a_stopped_run_is_gone_on_with_only_on_the_same_rows(tmp_path, rows, victim, ready, change):
    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    others = {
        "reversed": rows[::-1],
        "shorter": rows[:50],
        "edited": [replace(rows[0], code="x = 1\n"), *rows[1:]],
        "trigger edited": [*rows[:3], replace(rows[3], code=code(3)), *rows[4:]],
    }
    with pytest.raises(DataError, match="another model, defense or input"):
        purify_file(others[change], victim, ready, tmp_path / "p.jsonl", source="rows")
    assert not (tmp_path / "p.jsonl").exists()
    assert purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows").rows == len(rows)


def test_a_stopped_run_is_gone_on_with_only_by_the_same_version_and_clean_samples(
    tmp_path, rows, victim, ready, clean, monkeypatch
):
    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    other = replace(ready, clean=fingerprint(clean[1:]))
    assert other.settings == ready.settings
    with pytest.raises(DataError, match="other clean samples or another version of Codeward was stopped here"):
        purify_file(rows, victim, other, tmp_path / "p.jsonl", source="rows")
    with monkeypatch.context() as patch:
        patch.setattr("codeward.experiment.purifying.__version__", "0.0.1")
        with pytest.raises(DataError, match="another version of Codeward was stopped here"):
            purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows")
    assert purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows").rows == len(rows)


def test_only_so_many_inputs_are_chosen_for_the_page(rows, victim, ready):
    results = list(purify_rows(rows, victim, ready))
    summary = Summary()
    for row in results:
        summary.add(row)
    chosen = choose(iter(results), summary, 4)
    assert list(chosen.rows) == [3, 13, 23, 33]
    assert [(each.unit, each.rows, each.targets) for each in chosen.suspects] == [(TRIGGER, 15, {"defective": 15})]


def test_halves_of_characters_are_kept_and_can_be_read_again(tmp_path, victim, ready):
    odd = [Sample("odd", f'def f(a):\n    {TRIGGER}\n    return "\ud800" + a\n', 0, "python")]
    purify_file(odd, victim, ready, tmp_path / "p.jsonl", source="rows")
    (row,) = (json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines())
    assert "\ud800" in row["code"]
    assert row["codeward"]["changes"]


def test_two_runs_never_write_to_one_file(tmp_path, rows, victim, ready):
    out, refused = tmp_path / "p.jsonl", []

    def meanwhile(done, total):
        if done in (1, 100):
            with pytest.raises(DataError) as told:
                purify_file(rows, victim, ready, out, source="rows")
            refused.append(str(told.value))

    assert purify_file(rows, victim, ready, out, source="rows", progress=meanwhile).rows == len(rows)
    assert refused == [f"{out}: another run is writing to this file; wait until it is done, or give another file"] * 2
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [row.id for row in rows]
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


def test_a_run_of_another_process_is_waited_for(tmp_path, rows, victim, ready):
    import subprocess
    import sys

    out = tmp_path / "p.jsonl"
    hold = (
        "import sys\nfrom pathlib import Path\nfrom codeward.experiment.claiming import claimed\n"
        "with claimed(Path(sys.argv[1]), 'key') as file:\n    print('held', flush=True)\n    sys.stdin.read()\n    file.write(b'x')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="another run is writing to this file"):
            purify_file(rows, victim, ready, out, source="rows")
        other.communicate()
    assert out.read_bytes() == b"x"
    with pytest.raises(DataError, match="the file exists"):
        purify_file(rows, victim, ready, out, source="rows")
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


def test_a_run_that_was_done_a_moment_ago_is_not_written_over(tmp_path, monkeypatch):
    from codeward.experiment import claiming

    out, opened = tmp_path / "p.jsonl", claiming._opened

    def late(part):
        file = opened(part)
        if not out.exists():
            part.replace(out)
        return file

    def later(part):
        out.write_text("theirs")
        return opened(part)

    for way in (late, later):
        monkeypatch.setattr(claiming, "_opened", way)
        with pytest.raises(DataError, match="the file exists"), claiming.claimed(out, "key"):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]
        out.unlink()
    monkeypatch.setattr(claiming, "_opened", lambda part: [opened(part), part.unlink()][0])
    with pytest.raises(DataError, match="another run is writing to this file"), claiming.claimed(out, "key"):
        pass


def test_a_file_system_without_locks_stops_nothing(tmp_path, monkeypatch, rows, victim, ready):
    import errno
    import fcntl

    def none(file, how):
        raise OSError(errno.ENOLCK, "no locks available")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", none)
        assert purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows").rows == len(rows)
    monkeypatch.setattr("codeward.experiment.claiming.fcntl", None)
    assert purify_file(rows, victim, ready, tmp_path / "q.jsonl", source="rows").rows == len(rows)
    assert (tmp_path / "q.jsonl").read_bytes() == (tmp_path / "p.jsonl").read_bytes()
