import json

import pytest

from codeward.cli import main
from codeward.zoo import shapes


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("codeward.zoo.pretrain.SHAPES", {"mini": shapes.Shape(hidden=64, layers=1, positions=512)})


@pytest.fixture
def tree(tmp_path):
    for number in range(60):
        file = tmp_path / f"tree/pack_{number}/code.py"
        file.parent.mkdir(parents=True)
        file.write_text(
            f"def get_{number}(self, value):\n    total = value + {number}\n    return self.items[total]\n" * 3
        )
    return tmp_path / "tree"


def run(capsys, *arguments):
    code = main(["pretrain", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, " ".join(captured.err.split())


def test_from_a_tree_to_a_model(capsys, tree, tmp_path):
    options = ("--kind", "encoder", "--corpus", tree, "--steps", 4, "--length", 32, "--vocabulary", 400)
    settings = ("--set", "batch_tokens=256", "--set", "judge_every=2")
    code, out, err = run(capsys, *options, *settings, "-o", tmp_path / "m", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["tokens"] == 4 * 256
    assert "tokens of 60 files" in err
    assert (tmp_path / "m/README.md").is_file()
    again = ("--kind", "decoder", "--packed", tmp_path / ".m.corpus", "--steps", 2, *settings, "-o", tmp_path / "d")
    assert run(capsys, *again)[0] == 0
    other = ("--kind", "decoder", "--corpus", tree / "pack_1", "--packed", tmp_path / ".m.corpus", "--steps", 2)
    code, _, err = run(capsys, *other, *settings, "-o", tmp_path / "e")
    assert code == 2
    assert "the packed corpus here is of other sources or settings" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--kind", "encoder", "--steps", 1), 2, "name source trees with --corpus"),
        (("--kind", "coder", "--steps", 1), 2, "pretraining option kind = 'coder' does not fit"),
        (("--kind", "encoder", "--set", "step=1"), 2, "no pretraining option 'step'|unknown pretraining option 'step'"),
        (("--kind", "encoder", "--seed", 3, "--set", "seed=1"), 2, "give --seed 1 in place of --set seed=1"),
        (("--kind", "encoder", "--set", "steps=2"), 2, "give --steps 2 in place of --set steps=2"),
        (("--kind", "encoder", "--corpus", "nowhere", "--steps", 1), 4, "nowhere: there is no such file or folder"),
        (("--kind", "encoder", "--corpus", ".", "--language", "rust", "--steps", 1), 2, "unknown language 'rust'"),
    ],
)
def test_bad_input(capsys, tmp_path, arguments, code, message):
    import re

    found, _, err = run(capsys, *arguments, "-o", tmp_path / "m")
    assert re.search(message, err), err
    assert found == code
    assert not (tmp_path / "m").exists()


def test_no_length_of_time(capsys, tree, tmp_path):
    code, _, err = run(
        capsys, "--kind", "encoder", "--corpus", tree, "--length", 16, "--vocabulary", 400, "-o", tmp_path / "m"
    )
    assert code == 4
    assert "give minutes or steps" in err
