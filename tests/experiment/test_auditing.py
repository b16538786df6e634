"""What an audit says beside its verdicts: that they are doubtful, and rows that show each finding."""

import pytest

from codeward.data import open_data, write_data
from codeward.defenses.data import Audit, Evidence, Finding, Verdict
from codeward.experiment import auditing
from codeward.experiment.auditing import EACH, MARKED, audit_split, record_of
from codeward.types import Sample, Span

NAME = Span(4, 5)


@pytest.fixture
def data(tmp_path):
    rows = [Sample(f"r{n}", f"def f(a):\n    return a + {n}\n", n % 2, "python") for n in range(20)]
    write_data(tmp_path / "d", task="defect", language="python", labels=("clean", "defective"), splits={"train": rows})
    return open_data(tmp_path / "d")


def notes(data, monkeypatch, convicted, clean=()):
    class Fake:
        def audit(self, rows, **_):
            return Audit([Verdict(row.id, 1.0, number < convicted) for number, row in enumerate(rows)])

    monkeypatch.setattr(auditing.data_defenses, "make", lambda *_: Fake())
    return audit_split(data, "train", "association", {}, clean=clean)[0].notes


def test_so_many_rows_are_hardly_poisoned(data, monkeypatch):
    assert notes(data, monkeypatch, 4) == ()
    (note,) = notes(data, monkeypatch, 5)
    assert note.startswith("25% of the rows are convicted, and so many are hardly poisoned")
    assert note.endswith("give rows of the same source that you trust (--clean)")
    (note,) = notes(data, monkeypatch, 20)
    assert note.startswith("100% of the rows are convicted, which is useless")
    other = [Sample("x", "def g():\n    pass\n", 0, "python")]
    (note,) = notes(data, monkeypatch, 20, other)
    assert "--clean" not in note


def test_clean_rows_that_are_the_judged_ones_are_told(data, monkeypatch):
    rows = data.load("train")
    assert notes(data, monkeypatch, 0, rows[1:]) == ()
    for clean in (rows, rows[:3]):
        (note,) = notes(data, monkeypatch, 0, clean)
        assert note.startswith("the clean rows are the rows that are judged")


def test_the_record_holds_all_options_as_they_were_used(data):
    audit = Audit([Verdict(f"r{number}", 0.0, False) for number in range(20)])
    record = record_of(data, "train", audit, [], defense="association", options={"min_rows": "7"}, seconds=0.0)
    wanted = auditing.data_defenses.settings(auditing.data_defenses.make("association", {"min_rows": 7}))
    assert record.config["options"] == wanted
    assert len(wanted) > 1


def test_each_finding_is_shown_before_the_strongest_rows(data):
    units = ["strong", "weak", "rare"]
    verdicts = []
    for number in range(20):
        unit = units[0] if number < 15 else units[1] if number < 19 else units[2]
        verdicts.append(Verdict(f"r{number}", 20.0 - number, True, (Evidence(unit, NAME),)))
    audit = Audit(verdicts, tuple(Finding(unit, 1.0, 5) for unit in units))
    record = record_of(data, "train", audit, [], defense="association", options={}, seconds=0.0)
    shown = [example.id for example in record.examples]
    assert len(shown) == MARKED
    assert shown[: 2 * EACH + 1] == ["r0", "r15", "r19", "r1", "r16"]
    assert shown[2 * EACH + 1 :] == ["r2", "r3", "r4"]
    assert all(example.spans == [(NAME.start, NAME.end)] for example in record.examples)
