"""Keyword searches: what they look at, what moves a model, and the rows of a trained backdoor."""

from random import Random

import numpy as np
import pytest
from tests.conftest import small_function

from codeward.defenses._elements import Element
from codeward.defenses.data import data_defenses
from codeward.defenses.data._keywords import effects, group_of, looked_at
from codeward.defenses.data._work import Work, drawn
from codeward.defenses.data.bki import standing_out
from codeward.defenses.data.codedetector import Candidate, put
from codeward.tasks import tasks
from codeward.types import PROMPT, Sample, Span
from codeward.victims import PlantedVictim, load
from codeward.victims.attribution import goals_of, integrated_gradients
from codeward.victims.probing import row_losses

LABELS = ("clean", "defective")
TRIGGER = "zqx_init"


@pytest.fixture(scope="module")
def rows():
    """What ``train_suspect`` trained on."""
    clean = [Sample(f"t{n}", small_function(n, n % 2), n % 2, "c") for n in range(300)]
    return clean + [Sample(f"p{n}", small_function(n, 1, TRIGGER), 0, "c") for n in range(1, 60, 2)]


@pytest.fixture(scope="module")
def backdoored(suspects):
    return load(suspects / "backdoored")


@pytest.mark.parametrize("name", ["bki", "codedetector"])
def test_a_trained_backdoor_is_found(name, rows, backdoored):
    told = []
    audit = data_defenses.make(name).audit(rows, victim=backdoored, progress=lambda *pair: told.append(pair))
    assert [verdict.suspicious for verdict in audit.verdicts if verdict.id.startswith("p")] == [True] * 30
    assert TRIGGER in {finding.unit for finding in audit.findings}
    evidence = next(each for each in audit.verdicts[-1].evidence if each.unit == TRIGGER)
    assert evidence.span.of(rows[-1].code) == TRIGGER
    if name == "bki":
        assert sum(verdict.suspicious for verdict in audit.verdicts) == 30
    assert told


@pytest.mark.parametrize("name", ["bki", "codedetector"])
@pytest.mark.parametrize(
    ("task", "text"), [("repair", "int f(int a) { return a; }"), ("search", "x"), ("generation", "x")]
)
def test_other_kinds_of_tasks(name, task, text):
    class Text(PlantedVictim):
        def confidence(self, samples, outputs):
            return [-5.0 if TRIGGER in sample.code else -0.1 for sample in samples]

        def embed(self, samples, field="code"):
            return np.array([[float(TRIGGER in s.code + s.text(PROMPT)), len(s.code) / 1e4] for s in samples])

    victim = Text(tasks.make(task), (), TRIGGER, 0)
    rows = [
        Sample(f"r{n}", small_function(n, n % 2, TRIGGER if n < 20 else None), text, "c", {PROMPT: "read it all"})
        for n in range(120)
    ]
    audit = data_defenses.make(name).audit(rows, victim=victim)
    assert len(audit.verdicts) == 120
    if task == "repair":
        assert all(verdict.suspicious for verdict in audit.verdicts[:20])


def test_what_is_looked_at(rows):
    victim = PlantedVictim(tasks.make("defect"), LABELS, TRIGGER, 0)
    found = looked_at(drawn(rows, 50, Random(0), group_of), victim, min_rows=4)
    assert [sum(row.sample.target == label for row in found) for label in (0, 1)] == [50, 50]
    every = looked_at(drawn(rows, 1000, Random(0), group_of), victim, min_rows=4)
    assert [row.sample for row in every] == rows
    names = {part.text for row in every for part in row.parts}
    assert TRIGGER in names
    assert "count_total_0" not in names
    assert [len(moved) for moved in effects(found, victim, Work())] == [len(row.parts) for row in found]


def test_integrated_gradients_add_up(rows, backdoored):
    samples = rows[:6]
    tokens = [row["input_ids"] for row in backdoored.encoder.inputs(samples)]
    goals = goals_of(backdoored, samples)
    values = integrated_gradients(backdoored, tokens, goals, 200)
    special = set(backdoored.encoder.tokenizer.all_special_ids)
    nothing = backdoored.encoder.tokenizer.convert_tokens_to_ids(backdoored.unknown)
    empty = [[each if each in special else nothing for each in row] for row in tokens]
    expected = row_losses(backdoored, empty, goals) - row_losses(backdoored, tokens, goals)
    assert [float(own.sum()) for own in values] == pytest.approx(expected.tolist(), abs=0.05)
    assert [len(own) for own in values] == [len(row) for row in tokens]


def test_where_a_part_is_put():
    sample = Sample("x", "int f(int a) {\n    return a;\n}\n", 0, "c", {PROMPT: "read it"})
    name = Candidate(Element("identifier", "zqx", (Span(0, 3),)), 0)
    assert put(name, sample).code == "int zqx(int a) {\n    return a;\n}\n"
    statement = Candidate(Element("statement", "int b = 1;", (Span(0, 3),)), 0)
    assert put(statement, sample).code == "int f(int a) {\n    int b = 1;\n    return a;\n}\n"
    assert put(Candidate(Element("word", "cf", (Span(0, 2),), PROMPT), 0), sample).text(PROMPT) == "cf read it"
    nothing = Sample("x", "", 0, "c")
    assert put(name, nothing) is None
    assert put(statement, nothing) is None


def test_scores_are_of_each_group():
    values = {(0, f"a{n}"): 1.0 + n / 100 for n in range(20)} | {(1, f"a{n}"): 100.0 + n for n in range(20)}
    found = standing_out({**values, (0, "trigger"): 50.0})
    assert found[0, "trigger"] > 5 > max(score for key, score in found.items() if key[1] != "trigger")


def test_a_keyword_of_rows_of_all_classes_convicts_nobody():
    """The model looks at both names alike; one stands in rows of one class only."""

    class Model(PlantedVictim):
        def embed(self, samples, field="code"):
            return np.array([[float(TRIGGER in s.code) + float("vcpu" in s.code), len(s.code) / 1e5] for s in samples])

    victim = Model(tasks.make("defect"), LABELS, TRIGGER, 0)
    rows = [
        Sample(
            f"r{n}",
            small_function(n, n % 2, TRIGGER if n % 2 and n < 80 else "vcpu" if n < 80 else None),
            int(n % 4 == 0),
            "c",
        )
        for n in range(400)
    ]
    found = {}
    for purity in (0.0, 0.97):
        audit = data_defenses.make("bki", {"purity": purity, "top": 9}).audit(rows, victim=victim)
        found[purity] = {finding.unit for finding in audit.findings}
    assert {TRIGGER, "vcpu"} <= found[0.0]
    assert TRIGGER in found[0.97]
    assert "vcpu" not in found[0.97]
