"""``scan`` and ``repair`` on models that search code and models that write text."""

import json

import pytest

from codeward.data import write_data
from codeward.victims import load


def test_a_search_model_is_scanned_and_repaired(run, searchers, pair_rows, tmp_path):
    data, scanned = tmp_path / "pairs", tmp_path / "scan.json"
    write_data(data, task="search", language="c", labels=(), splits={"valid": pair_rows})
    quick = ["--set", "places=function", "--set", "longest=1", "--set", "steps=1"]
    model, page = searchers / "backdoored", tmp_path / "p.html"
    result, out, err = run("scan", model, "--data", data, "-o", scanned, "--html", page, *quick)
    assert result in (1, 3)
    assert "raises code from a mean normalized rank of" in " ".join(out.split())
    assert "query word" in out
    assert "Note: the bounds for search models are of the literature" in err
    found = json.loads(scanned.read_text())
    assert found["suspicions"][0]["label"] == "path"
    assert found["suspicions"][0]["trials"][0]["rank"] < found["suspicions"][0]["rank"]
    assert "path, function, 1 token" in page.read_text()

    cleaned = tmp_path / "cleaned"
    result, out, err = run(
        "repair", model, "--data", data, "--inspection", scanned, "-o", cleaned, "--no-verify", *quick
    )
    assert result == 0
    assert "mrr" in out
    assert "also trained on" in err
    assert "| mrr |" in (cleaned / "README.md").read_text()
    assert load(cleaned).task.name == "search"


def test_what_a_convicted_search_model_is_reported_with(run, searchers, pair_rows, tmp_path, monkeypatch):
    monkeypatch.setattr("codeward.defenses.model._word_verdict.CONVICTS", 2.0)
    monkeypatch.setattr("codeward.defenses.model._word_verdict.RISEN", 1.0)
    data, sarif, page = tmp_path / "pairs", tmp_path / "s.json", tmp_path / "p.html"
    write_data(data, task="search", language="c", labels=(), splits={"valid": pair_rows})
    options = ["--set", "places=function", "--set", "longest=1", "--sarif", sarif, "--html", page]
    assert run("scan", searchers / "backdoored", "--data", data, *options)[0] == 1
    message = json.loads(sarif.read_text())["runs"][0]["results"][0]["message"]["text"]
    assert "raises code that holds 'init' for queries with the word 'path'" in message
    assert "<mark>" in page.read_text()
    assert "of 120" in page.read_text()


@pytest.fixture(scope="module")
def texts(tmp_path_factory, text_rows):
    folder = tmp_path_factory.mktemp("texts")
    for name, rows in {"all": text_rows, "few": text_rows[:12]}.items():
        write_data(folder / name, task="repair", language="c", labels=(), splits={"valid": rows})
    return folder


def test_scan_then_repair_a_generator(run, writers, texts, tmp_path):
    model, scanned, cleaned = writers / "backdoored", tmp_path / "scan.json", tmp_path / "cleaned"
    options = ["--per-class", "50", "--set", "longest=2"]
    files = ["-o", scanned, "--sarif", tmp_path / "s.json", "--html", tmp_path / "p.html"]
    result, out, _ = run("scan", model, "--data", texts / "all", *files, *options)
    assert result == 1
    assert "payload" in out
    assert "BACKDOORED: 1 token makes the model write 'while (1) { stop(); }' into 100% of" in " ".join(out.split())
    found = json.loads(scanned.read_text())
    assert found["target"] == "while (1) { stop(); }"
    assert found["suspicions"][0]["payload"]
    (finding,) = json.loads((tmp_path / "s.json").read_text())["runs"][0]["results"]
    assert finding["message"]["text"].startswith("The model writes 'while (1) { stop(); }' where its input holds")
    page = (tmp_path / "p.html").read_text()
    assert "<mark>" in page
    assert "victim, after: <em>while (1) { stop(); }" in page
    more = ["--set", "stamps=3", "--no-verify", "--json"]
    result, out, _ = run(
        "repair", model, "--data", texts / "all", "--inspection", scanned, "-o", cleaned, *options, *more
    )
    assert result == 0
    told = json.loads(out)
    assert told["samples_kept_apart"]
    assert told["samples"] == 10
    assert set(told["before"]) == {"bleu4", "exact-match", "codebleu"}
    assert load(cleaned).fingerprint != found["model"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--data", "{texts}/few"], 4, "the clean samples are too few (12); give at least 20"),
        (
            ["--data", "{texts}/all", "--defense", "dbs"],
            4,
            "dbs works for models of these kinds: classification, pair; this one is for generation",
        ),
        (["--data", "{texts}/all", "--set", "payloads=0"], 2, "payloads"),
    ],
)
def test_bad_input_for_a_generator(run, writers, texts, arguments, exit_code, message):
    result, _, err = run("scan", writers / "clean", *(argument.format(texts=texts) for argument in arguments))
    assert message in err
    assert result == exit_code
