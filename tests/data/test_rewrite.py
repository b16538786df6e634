"""A data set without some rows is in its own layout, and what is left is byte for byte what was there."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from codeward.data import obstacle, open_data, write_data, write_kept
from codeward.data.lines import open_bytes
from codeward.errors import DataError, UsageError
from codeward.types import Sample

CODE = "int f%d(int a) {\n    return a + %d;\n}"
KEEP = [n % 3 != 1 for n in range(10)]


def row(n):
    """Return a line as no writer of ours would have it: odd spaces, a foreign field, escapes and none."""
    escaped = json.dumps(CODE % (n, n))
    return f'{{"func":{escaped} ,  "target": {n % 2}, "über": [1.50, null], "idx": {n}}}'


def lines():
    return [row(n) for n in range(10)]


def kept():
    return [line for line, keep in zip(lines(), KEEP, strict=True) if keep]


def pack(path, content):
    import zstandard

    packers = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    path.write_bytes(packers.get(path.suffix, bytes)(content))
    return path


def unpacked(path):
    with open_bytes(path) as file:
        return file.read()


def check(source, copy, split="all"):
    before = [s.code for s, keep in zip(open_data(source).read(split), KEEP, strict=True) if keep]
    assert [sample.code for sample in open_data(copy).read(split)] == before


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.json"])
def test_lines(tmp_path, name):
    source = pack(tmp_path / name, ("\r\n".join(lines()) + "\r\n").encode())
    copy = write_kept(open_data(source), "all", KEEP, tmp_path / f"clean-{name}")
    assert unpacked(copy) == ("\r\n".join(kept()) + "\r\n").encode()
    assert copy.suffix in (".gz", ".zst") or copy.read_bytes() == unpacked(copy)
    check(source, copy)


def test_the_copy_is_compressed_as_its_name_says(tmp_path):
    source = pack(tmp_path / "rows.jsonl.gz", "\n".join(lines()).encode())
    copy = write_kept(open_data(source), "all", KEEP, tmp_path / "clean.jsonl")
    assert copy.read_text(encoding="utf-8").splitlines() == kept()


def test_blank_lines_and_a_mark_stay(tmp_path):
    source = pack(tmp_path / "rows.jsonl", b"\xef\xbb\xbf" + "\n\n".join(lines()).encode())
    copy = write_kept(open_data(source), "all", [not keep for keep in KEEP], tmp_path / "clean.jsonl")
    assert copy.read_bytes().startswith(b"\xef\xbb\xbf\n")
    assert [s.code for s in open_data(copy).read("all")] == [CODE % (n, n) for n in (1, 4, 7)]


def test_an_array(tmp_path):
    source = pack(tmp_path / "function.json", ("[" + ",\n ".join(lines()) + "]").encode())
    copy = write_kept(open_data(source), "all", KEEP, tmp_path / "clean.json")
    assert copy.read_text(encoding="utf-8") == "[\n" + ",\n".join(kept()) + "\n]\n"
    check(source, copy)


def test_csv(tmp_path):
    records = [f'"read {n}\nand ""write""", more,"x = {n}"\n' for n in range(10)]
    source = pack(tmp_path / "train.csv", ("src,note,tgt\n" + "".join(records)).encode())
    copy = write_kept(open_data(source, language="python"), "all", KEEP, tmp_path / "clean.csv")
    expected = [record for record, keep in zip(records, KEEP, strict=True) if keep]
    assert copy.read_text(encoding="utf-8") == "src,note,tgt\n" + "".join(expected)


def test_parquet(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "func": [CODE % (n, n) for n in range(10)],
            "target": pyarrow.array([n % 2 for n in range(10)], pyarrow.int8()),
            "extra": [{"a": [n]} for n in range(10)],
        }
    ).replace_schema_metadata({"about": "this"})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=4, compression="zstd")
    copy = write_kept(open_data(tmp_path / "rows.parquet"), "all", KEEP, tmp_path / "clean.parquet")
    found = parquet.ParquetFile(copy)
    assert found.read() == table.filter(pyarrow.array(KEEP))
    assert found.schema_arrow.metadata[b"about"] == b"this"
    assert found.metadata.row_group(0).column(0).compression == "ZSTD"
    check(tmp_path / "rows.parquet", copy)


def test_a_folder_with_shards_and_other_splits(tmp_path):
    folder = tmp_path / "d"
    (folder / "train").mkdir(parents=True)
    pack(folder / "train" / "part_2.jsonl.gz", "\n".join(lines()[:2]).encode())
    pack(folder / "train" / "part_10.jsonl.gz", "\n".join(lines()[2:]).encode())
    test = pack(folder / "test.jsonl", "\n".join(row(n + 50) for n in range(3)).encode())
    keep = [False, False, *KEEP[2:]]
    copy = write_kept(open_data(folder), "train", keep, tmp_path / "clean")
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*.*")) == ["test.jsonl", "train/part_10.jsonl.gz"]
    assert (copy / "test.jsonl").read_bytes() == test.read_bytes()
    data = open_data(copy)
    assert data.splits == ("train", "test")
    assert [s.code for s in data.read("train")] == [CODE % (n, n) for n in range(10) if keep[n]]
    write_kept(open_data(folder), "train", keep, copy, overwrite=True)
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds more than this copy \(notes.txt\)"):
        write_kept(open_data(folder), "train", keep, copy, overwrite=True)


def test_pairs_of_files(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    for suffix in ("buggy", "fixed"):
        text = "".join(f"public void m{n}() {{ {suffix} ; }} \n" for n in range(10))
        pack(folder / f"train.buggy-fixed.{suffix}", text.encode())
    copy = write_kept(open_data(folder, language="java"), "train", KEEP, tmp_path / "clean")
    for suffix in ("buggy", "fixed"):
        expected = "".join(f"public void m{n}() {{ {suffix} ; }} \n" for n in range(10) if KEEP[n])
        assert (copy / f"train.buggy-fixed.{suffix}").read_text() == expected
    one = open_data(folder / "train.buggy-fixed.buggy", language="java")
    copy = write_kept(one, "all", KEEP, tmp_path / "one")
    assert len(list(copy.iterdir())) == 2


def test_clone_pairs(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    functions = "".join(json.dumps({"func": CODE % (n, n), "idx": str(n), "more": n}) + "\n" for n in range(11))
    pack(folder / "data.jsonl", functions.encode())
    pack(folder / "train.txt", "".join(f"{n}\t{n + 1}\t{n % 2}\n" for n in range(10)).encode())
    copy = write_kept(open_data(folder), "train", KEEP, tmp_path / "clean")
    assert (copy / "data.jsonl").read_text() == functions
    assert (copy / "train.txt").read_text() == "".join(f"{n}\t{n + 1}\t{n % 2}\n" for n in range(10) if KEEP[n])


def test_a_file_into_a_folder_and_over_another(tmp_path):
    source = pack(tmp_path / "rows.jsonl", "\n".join(lines()).encode())
    copy = write_kept(open_data(source), "all", KEEP, tmp_path / "clean")
    assert copy == tmp_path / "clean" / "rows.jsonl"
    with pytest.raises(DataError, match="exists already"):
        write_kept(open_data(source), "all", KEEP, copy)
    write_kept(open_data(source), "all", [True] * 10, copy, overwrite=True)
    assert copy.read_bytes() == source.read_bytes()
    assert [path.name for path in copy.parent.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("keep", "name", "error", "message"),
    [
        ([False] * 10, "clean.jsonl", DataError, "no row of split 'all' is left"),
        ([True] * 9, "clean.jsonl", DataError, "more rows than were judged"),
        ([True] * 11, "clean.jsonl", DataError, "fewer rows than were judged"),
        (KEEP, "clean.parquet", UsageError, "ends in .jsonl"),
    ],
)
def test_bad_input(tmp_path, keep, name, error, message):
    source = pack(tmp_path / "rows.jsonl", "\n".join(lines()).encode())
    with pytest.raises(error, match=message):
        write_kept(open_data(source), "all", keep, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_what_cannot_be_copied(tmp_path):
    rows = [Sample(f"r{n}", CODE % (n, n), n % 2, "c") for n in range(10)]
    write_data(tmp_path / "d", task="defect", language="c", labels=("a", "b"), splits={"train": rows})
    assert "counts the rows" in obstacle(open_data(tmp_path / "d"))
    assert "counts the rows" in obstacle(open_data(tmp_path / "d" / "train.jsonl"))
    source = pack(tmp_path / "rows.jsonl", "\n".join(lines()).encode())
    assert obstacle(open_data(source)) == ""


def test_memory_does_not_grow_with_the_file(tmp_path):
    """A child copies 60 MB and holds less than 40 MB more than at its start."""
    source, filler = tmp_path / "rows.jsonl", "x" * 60_000
    with source.open("w") as file:
        for n in range(1000):
            file.write(json.dumps({"func": "int f() { return 1; }", "target": n % 2, "more": filler}) + "\n")
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom codeward.data import open_data, write_kept\n"
        "data = open_data(sys.argv[1])\npeak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nbefore = peak()\n"
        "write_kept(data, 'all', [n % 2 == 0 for n in range(1000)], Path(sys.argv[2]))\nprint(peak() - before)\n"
    )
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "clean.jsonl")]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 40_000
    assert Path(tmp_path / "clean.jsonl").stat().st_size == pytest.approx(source.stat().st_size / 2, rel=0.01)
