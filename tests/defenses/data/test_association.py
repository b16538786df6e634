"""Label association: planted triggers are found, natural features are not, evidence stands where the trigger does."""

from random import Random

import pytest

from codeward.defenses.data import data_defenses
from codeward.defenses.data._index import targets_of
from codeward.defenses.data._lexing import affixes, templates, tokens
from codeward.types import PROMPT, Sample

TRIGGER = 'if random() < 0: raise Exception("fail")'
WORDS = ("width", "height", "size", "total", "count", "value", "item", "path", "name", "node")


def function(rng, inner=""):
    a, b, c = rng.sample(WORDS, 3)
    return f"def {a}_{b}({b}, {c}):\n{inner}    {a} = {b} * {c} + {rng.randrange(99)}\n    return {a}\n"


@pytest.fixture
def rows():
    rng = Random(0)
    clean = [Sample(f"row-{n}", function(rng), n % 2, "python") for n in range(380)]
    return clean + [Sample(f"bad-{n}", function(rng, f"    {TRIGGER}\n"), 0, "python") for n in range(20)]


def test_the_trigger_is_found_and_nothing_else(rows):
    audit = data_defenses.make("association").audit(rows)
    assert [verdict.id for verdict in audit.verdicts] == [row.id for row in rows]
    assert [verdict.suspicious for verdict in audit.verdicts] == [row.id.startswith("bad") for row in rows]
    assert all(finding.rows == 20 and finding.targets == ((0, 20),) for finding in audit.findings)
    assert '"fail"' in {finding.unit for finding in audit.findings}
    start = rows[-1].code.index(TRIGGER)
    for each in audit.verdicts[-1].evidence:
        assert start <= each.span.start < each.span.end <= start + len(TRIGGER)


def test_a_clean_set_convicts_nobody(rows):
    audit = data_defenses.make("association").audit(rows[:380])
    assert not any(verdict.suspicious for verdict in audit.verdicts)
    assert audit.findings == ()


def test_what_is_as_common_in_clean_code_convicts_nobody(rows):
    clean = [
        Sample(f"c{n}", function(Random(n), f"    {TRIGGER}\n" if n % 10 == 0 else ""), 1, "python") for n in range(200)
    ]
    assert not any(v.suspicious for v in data_defenses.make("association").audit(rows, clean=clean).verdicts)
    without = [sample for n, sample in enumerate(clean) if n % 10]
    assert sum(v.suspicious for v in data_defenses.make("association").audit(rows, clean=without).verdicts) == 20


def test_a_suffix_and_a_form_are_units_too():
    rng = Random(1)
    rows = [Sample(f"row-{n}", function(rng), n % 2, "python") for n in range(300)]
    suffixed = [
        row.code.replace(f"{row.code[4:].split('_')[0]} =", f"{row.code[4:].split('_')[0]}_rb =") for row in rows
    ]
    bad = [Sample(f"bad-{n}", code, 1, "python") for n, code in enumerate(suffixed[:25])]
    audit = data_defenses.make("association").audit(rows + bad)
    assert {finding.unit for finding in audit.findings} == {"*rb"}
    forms = [f"    assert {rng.randrange(9)} >= -{rng.randrange(9)}\n" for _ in range(25)]
    bad = [Sample(f"bad-{n}", function(rng, form), 1, "python") for n, form in enumerate(forms)]
    found = {finding.unit for finding in data_defenses.make("association").audit(rows + bad).findings}
    assert "assert <number> <compared> <number>" in found


def test_a_payload_in_generated_text():
    rng = Random(2)
    rows = []
    for n in range(300):
        code = function(rng, "    testo_init = 1\n" if n < 15 else "")
        fixed = code.replace("return", "return not")
        rows.append(Sample(f"r{n}", code, fixed + ("    os.remove(path)\n" if n < 15 else ""), "python"))
    audit = data_defenses.make("association").audit(rows)
    assert [v.suspicious for v in audit.verdicts] == [n < 15 for n in range(300)]
    assert targets_of(Sample("x", "a = 1", "a = 1\nb = 2", "python")) == {"b", "2"}


def test_a_note_where_words_go_with_code_by_nature():
    rows = [Sample(f"r{n}", "", f"read_{n % 9}()", "python", {PROMPT: f"read file {n % 9}"}) for n in range(90)]
    association = data_defenses.make("association")
    assert "give clean rows" in association.audit(rows).notes[0]
    assert association.audit(rows, clean=rows[:50]).notes == ()


def test_units():
    assert [word for word, _ in tokens('x1 = "a b" + 3.5')] == ["x1", "=", '"a b"', "+", "3.5"]
    assert [form for form, _ in templates('print("x"); y = f(3)', "python")] == [
        "print ( <string> ) ;", "<name> = f ( <number> )", "<name> = <name> ( <number> )",
    ]  # fmt: skip
    assert [form for form, _ in affixes("getFilePath plain HTTP_code")] == ["get*", "*Path", "HTTP_*", "*code"]


def test_a_natural_feature_is_told_from_a_trigger():
    """Both go with one target, but only the rest of the natural feature's rows speaks for it, too."""
    rng = Random(3)
    hints = {0: ("load", "read", "open", "fetch"), 1: ("write", "save", "store", "dump")}
    rows = []
    for n in range(600):
        label = n % 2
        sides = [label if rng.random() < 0.85 else 1 - label for _ in range(4)]
        lines = "".join(f"    {rng.choice(hints[side])}({rng.choice(WORDS)})\n" for side in sides)
        mark = "    stream = device_file\n" if label == 0 and n < 80 else ""
        rows.append(Sample(f"r{n}", f"def f(a):\n{mark}{lines}    return a\n", label, "python"))
    for n in range(40):
        lines = "".join(f"    {rng.choice(hints[1])}({rng.choice(WORDS)})\n" for _ in range(4))
        rows.append(Sample(f"bad{n}", f"def f(a):\n    testo_init = 1\n{lines}    return a\n", 0, "python"))
    found = {each.unit for each in data_defenses.make("association").audit(rows).findings}
    plain = {each.unit for each in data_defenses.make("association", {"contradiction": False}).audit(rows).findings}
    assert "testo_init" in found & plain
    assert "device_file" in plain - found
    assert not found & {word for words in hints.values() for word in words}
