import json
from pathlib import Path

import pytest

from codeward.errors import DataError
from codeward.experiment.demo import DemoConfig, run_demo

TINY = (
    ("layers", 1),
    ("hidden", 32),
    ("vocabulary", 400),
    ("max_length", 64),
    ("epochs", 1),
    ("dropout", 0.0),
)
VERBS = ("get", "set", "add", "load")


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for file in range(40):
        functions = [
            f"def {verb}_value_{file}_{n}(self, x):\n    total = {file * n}\n    return self.{verb}(x, total, {n})\n"
            for n in range(3)
            for verb in VERBS
        ]
        (tree / f"module_{file}.py").write_text("\n".join(functions))
    return tree


def test_every_step_leaves_its_result_and_is_not_done_again(tree, tmp_path):
    config = DemoConfig(sources=(tree,), rows=400, rate=0.1, model="scratch-encoder", training=TINY)
    steps = []
    result = run_demo(config, tmp_path / "demo", lambda step, *_: steps.append(step))
    assert {"harvesting real code", "poisoning", "training the clean model", "measuring"} <= set(steps)
    rates = {(row.model, row.data): row for row in result.record.scores if row.name == "asr"}
    assert rates.keys() == {
        (model, data) for model in ("victim", "clean model") for data in ("triggered", "untriggered")
    }
    assert rates["victim", "triggered"].n == result.record.counts["judged"] > 0
    assert result.manifest.stamped == round(0.1 * result.manifest.total)
    found = {score.name: score.value for score in result.record.scores if score.model == "association"}
    assert found["recall"] == 1
    assert {score.name for score in result.protection.scores if score.model == "codepurify-plant"} >= {"asr", "fpr"}
    again = run_demo(config, tmp_path / "demo", lambda step, *_: steps.append(f"again: {step}"))
    done = [step for step in dict.fromkeys(steps) if step.startswith("again")]
    assert done == ["again: auditing", "again: measuring", "again: protecting"]
    assert again.record.scores == result.record.scores
    written = json.loads((tmp_path / "demo/evaluation/record.json").read_text())
    assert written["scores"] == [row.model_dump() for row in again.record.scores]


def test_a_folder_of_something_else_is_kept(tree, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x")
    with pytest.raises(DataError, match=r"not empty and not a demo's.*--output"):
        run_demo(DemoConfig(sources=(tree,)), tmp_path / "mine", lambda *_: None)
    assert (tmp_path / "mine/thesis.tex").read_text() == "x"


def test_too_little_code(tmp_path):
    (tmp_path / "tree").mkdir()
    code = "".join(
        f"def {verb}_{n}(x):\n    y = {n}\n    return x.{verb}(y)\n" for verb in ("put", "pop") for n in range(9)
    )
    (tmp_path / "tree/a.py").write_text(code)
    with pytest.raises(DataError, match=r"too little Python code.*--source"):
        run_demo(DemoConfig(sources=(tmp_path / "tree",)), Path(tmp_path / "demo"), lambda *_: None)
