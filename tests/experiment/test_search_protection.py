"""Input defenses before search models: what is purified is ranked anew."""

import re
from typing import ClassVar

import pytest

from codeward.defenses.input import Change, Examination, InputDefense
from codeward.errors import DataError, UsageError
from codeward.experiment.calibration import Calibration, calibrate
from codeward.experiment.evaluation import evaluate
from codeward.experiment.guard import guard
from codeward.experiment.manifest import Threat
from codeward.registry import method
from codeward.tasks import tasks
from codeward.types import QUERY, Sample, Span

NAMES = ("read", "write", "copy", "move", "open", "close")


@method
class Restore(InputDefense):
    """Knows the trigger's name, and gives back the one that stood there."""

    withhold: bool = False

    def examine(self, samples, answers, victim):
        return [Examination(float("testo" in sample.code)) for sample in samples]

    def mend(self, samples, answers, found, victim):
        change = Change("identifier", "code", Span(0, 1), "testo_init", "", "renamed", 1.0)
        names = (f"{NAMES[int(sample.id[1:]) % len(NAMES)]}_{sample.id[1:]}" for sample in samples)
        return [
            (sample.with_text("code", re.sub("testo_init", name, sample.code)), (change,))
            for sample, name in zip(samples, names, strict=True)
        ]


class Withhold(Restore):
    """Can only tell."""

    mends: ClassVar[bool] = False


@pytest.fixture(scope="module")
def rows():
    return [
        Sample(
            f"s{n}",
            f"def {NAMES[n % len(NAMES)]}_{n}(path):\n    value = path + {n}\n    return value\n",
            f"s{n}",
            "python",
            {QUERY: f"{NAMES[n % len(NAMES)]} a file number {n}"},
        )
        for n in range(24)
    ]


@pytest.fixture(scope="module")
def searcher(rows):
    import transformers

    from codeward.victims.loading import wrap
    from codeward.victims.shapes import Shape, new_config, new_model
    from codeward.victims.tokenizing import fit_tokenizer

    tokenizer = fit_tokenizer(rows, 400)
    settings = new_config("encoder", Shape(hidden=32, layers=1, positions=96, head=16), tokenizer)
    settings.initializer_range = 0.5
    made = wrap(new_model(transformers.AutoModel, settings, 0), tokenizer, tasks.make("search"), (), 96, 32)
    made.precision = "fp32"
    return made


def threat():
    return Threat.make(
        tasks.make("search"),
        "identifier-rename",
        {"name": "testo_init", "role": "function"},
        "query-word",
        {"word": "file"},
    )


def scores(record, model, data):
    return {each.name: each.value for each in record.scores if (each.model, each.data) == (model, data)}


def test_a_candidate_without_its_trigger_stands_where_it_stood(searcher, rows):
    restore = Calibration(Restore(threshold=0.5), "restore", 0.05, searcher.fingerprint, "", 24)
    blind = Calibration(Restore(threshold=2.0), "blind", 0.05, searcher.fingerprint, "", 24)
    withheld = Calibration(Withhold(threshold=0.5), "withheld", 0.05, searcher.fingerprint, "", 24)
    record = evaluate(searcher, rows, threat=threat(), defenses=[restore, blind, withheld])
    without, after = scores(record, "victim", "untriggered"), scores(record, "victim", "triggered")
    assert without["anr"] != after["anr"]
    found = scores(record, "restore", "triggered")
    assert {name: found[name] for name in without} == pytest.approx(without)
    assert found["recall"] == 1
    assert scores(record, "restore", "triggered and clean")["auroc"] == 1
    unmended = scores(record, "blind", "triggered")
    assert {name: unmended[name] for name in after} == pytest.approx(after)
    assert unmended["recall"] == 0
    assert scores(record, "withheld", "triggered")["anr"] == 1
    assert scores(record, "restore", "clean")["mrr"] == scores(record, "victim", "clean")["mrr"]
    assert scores(record, "restore", "clean")["fpr"] == 0


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant", "oseql"])
@pytest.mark.usefixtures("tiny_minis")
def test_defenses_are_measured_before_a_search_model(name, searcher, rows):
    ready = calibrate(name, {}, rows, searcher, false_positive_rate=0.1)
    record = evaluate(searcher, rows, threat=threat(), defenses=[ready])
    found = scores(record, name, "triggered")
    assert {"anr", "asr@1", "asr@5", "asr@10", "recall", "localization"} <= set(found)
    assert scores(record, name, "clean")["fpr"] <= 0.1
    assert scores(record, name, "clean")["mrr"] > 0


@pytest.mark.usefixtures("tiny_minis")
def test_a_guard_of_a_search_model_answers_with_the_similarity(searcher, rows):
    ready = guard(searcher, clean=rows, defense="codepurify", false_positive_rate=0.1)
    found = ready(rows[0])
    assert found.original_answer == pytest.approx(searcher.confidence(rows[:1], [0])[0], abs=1e-5)
    assert found.suspicious or found.answer == found.original_answer
    with pytest.raises(UsageError, match="reads a query, too"):
        ready("def read(): pass")


def test_code_without_a_query_is_told_and_not_passed_as_clean(searcher, rows):
    bare = [Sample(each.id, each.code, each.target, each.language) for each in rows[:3]]
    *told, known = Restore(threshold=0.5).purify([*bare, rows[0]], searcher)
    assert all("has none" in each.examination.problem and not each.suspicious for each in told)
    assert not known.examination.problem
    with pytest.raises(DataError, match="clean samples that can be examined, got 0"):
        Restore().calibrate(bare, searcher, false_positive_rate=0.1)
