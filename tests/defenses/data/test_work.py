"""Chunks of rows: computed once, kept, taken up again; the same whatever the memory and the number of processes."""

import gzip
import json

import numpy as np
import pytest

from codeward.data import open_data
from codeward.defenses.data import Verdict, Work, data_defenses
from codeward.defenses.data import _work as work_module
from codeward.defenses.data._index import Column, Named, Table, added_up, counted, held, key_of, largest, natural
from codeward.defenses.data._verdicts import Evidence, Verdicts
from codeward.errors import DataError, UsageError
from codeward.experiment.auditing import Split
from codeward.experiment.keeping import FolderMemory, kept_beside
from codeward.types import Sample, Span

TRIGGER = "testo_init = 1"


class StoppedError(Exception):
    """The audit is killed."""


def code(n):
    return f"def f_{n}(a):\n    name_{n % 37} = a\n" + (f"    {TRIGGER}\n" if n % 20 == 0 else "") + "    return a\n"


@pytest.fixture
def rows():
    return [Sample(f"r{n}", code(n), 0 if n % 20 == 0 else n % 2, "python") for n in range(400)]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(work_module.Work.chunks, "__defaults__", (64,))
    monkeypatch.setattr("codeward.defenses.data.killbadcode.CHUNK", 64)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["association", "killbadcode"])
def test_a_stopped_audit_goes_on_to_the_same_verdicts(name, rows, tmp_path):
    clean = [row for row in rows if TRIGGER not in row.code][:100]
    whole = data_defenses.make(name).audit(rows, clean=clean)
    assert [verdict.suspicious for verdict in whole.verdicts][:21] == [True] + [False] * 19 + [True]

    def stop(what, done):
        if done >= 192:
            raise StoppedError

    with pytest.raises(StoppedError):
        data_defenses.make(name).audit(rows, clean=clean, memory=FolderMemory(tmp_path / "m", "k"), progress=stop)
    memory = FolderMemory(tmp_path / "m", "k")
    assert len(memory) == 3
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "m").glob("*.npz")}
    assert data_defenses.make(name).audit(rows, clean=clean, memory=memory) == whole
    assert all(file.stat().st_mtime_ns == when for file, when in before.items())
    assert len(memory) == 8
    passes = []
    assert data_defenses.make(name).audit(_Counting(rows, passes), clean=clean, memory=memory) == whole
    assert len(passes) == 1


class _Counting:
    def __init__(self, rows, passes):
        self.rows, self.passes = rows, passes

    def __iter__(self):
        self.passes.append(1)
        return iter(self.rows)


@pytest.mark.usefixtures("small_chunks")
def test_several_processes_find_the_same(rows):
    alone = data_defenses.make("association").audit(rows)
    assert data_defenses.make("association").audit(rows, processes=2) == alone
    with pytest.raises(UsageError, match="at least 1"):
        data_defenses.make("association").audit(rows, processes=0)


def test_the_format_of_the_file_does_not_matter(rows, tmp_path):
    import pyarrow
    import zstandard
    from pyarrow import parquet

    table = [{"func": row.code, "target": row.target} for row in rows]
    text = "".join(json.dumps(row) + "\n" for row in table).encode()
    (tmp_path / "a.jsonl").write_bytes(text)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(text))
    parquet.write_table(pyarrow.Table.from_pylist(table), tmp_path / "d.parquet")
    audits = [
        data_defenses.make("association").audit(Split(data, data.splits[0]))
        for data in (open_data(path, language="python") for path in sorted(tmp_path.iterdir()))
    ]
    assert sum(verdict.suspicious for verdict in audits[0].verdicts) == 20
    assert audits == [audits[0]] * 4


def test_what_is_kept_belongs_to_one_run(tmp_path):
    memory = FolderMemory(tmp_path / "m", "one")
    memory["a"] = {"x": np.arange(3)}
    assert list(FolderMemory(tmp_path / "m", "one")) == ["a"]
    assert FolderMemory(tmp_path / "m", "one")["a"]["x"].tolist() == [0, 1, 2]
    assert len(FolderMemory(tmp_path / "m", "two")) == 0
    with pytest.raises(KeyError):
        memory["b"]
    (tmp_path / "f").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        FolderMemory(tmp_path / "f" / "m", "one")


def stop_after(memory):
    memory["a"] = {"x": np.arange(3)}
    raise StoppedError


def test_the_folder_goes_when_all_is_done_and_stays_when_it_is_not(tmp_path):
    out = tmp_path / "out.jsonl"
    with pytest.raises(StoppedError), kept_beside(out, "k"):
        raise StoppedError
    assert not list(tmp_path.iterdir())
    with pytest.raises(StoppedError), kept_beside(out, "k") as memory:
        stop_after(memory)
    with kept_beside(out, "k") as memory:
        assert "a" in memory
    assert not list(tmp_path.iterdir())
    with kept_beside(None, "k") as memory:
        place = memory.path
        assert place.is_dir()
    assert not place.exists()


def test_counts_over_chunks_are_those_of_all_rows(monkeypatch):
    chunks = []
    for part in (["ab", "b", ""], ["abc", "c"]):
        column = Column()
        for row in part:
            column.add(row)
        chunks.append(column.arrays("n")[0])
    for size in (1 << 23, 1):
        monkeypatch.setattr("codeward.defenses.data._index.PART", size)
        table = counted(chunks, "n", 1)
        found = dict(zip(table.keys.tolist(), table.values.tolist(), strict=True))
        assert found == {key_of("a"): 2, key_of("b"): 3, key_of("c"): 2}
        assert added_up(chunks, "n.keys", lambda chunk: np.ones(len(chunk["n.keys"])), 2).values.tolist() == [2.0, 2.0]
    both = held(chunks[0], "n", table)
    assert both.sum(axis=1).ravel().tolist() == [[2, 1, 0]]
    assert largest(both, np.array([1.0, 2.0, 3.0]))[2] == 0
    seen = Table(table.keys[:1], np.array([2.0]))
    assert natural(table, 5, seen, 10).tolist() == [True, False, False]
    assert natural(table, 5, seen, 100).tolist() == [False] * 3
    assert dict(Named({key_of("a"): 1}).of(1, ["a", "b"])) == {"a": key_of("a")}
    assert not dict(Named({key_of("a"): 1}).of(0, ["a"]))


def test_verdicts_in_columns():
    many = [
        Verdict(f"r{n}", n / 3, n % 2 == 0, tuple(Evidence("x", Span(at, at + 1)) for at in range(n))) for n in range(5)
    ]
    verdicts = Verdicts()
    for each in many:
        verdicts.add(each)
    assert verdicts == many
    assert list(verdicts) == many
    assert verdicts[-1] == many[4]
    assert verdicts[1:3] == many[1:3]
    assert verdicts != many[:4]
    with pytest.raises(IndexError):
        verdicts[5]


def test_nothing_is_computed_twice():
    work, calls = Work(), []
    for _ in range(2):
        assert work.kept("a", lambda: calls.append(1) or {"x": np.array(1)})["x"] == 1
    assert calls == [1]
