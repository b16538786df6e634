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


SMALL = ("--length", 32, "--vocabulary", 400)
SETTINGS = ("--set", "batch_tokens=256", "--set", "judge_every=2")


def test_from_a_tree_to_a_model(capsys, tree, tmp_path):
    options = ("--kind", "encoder", "--corpus", tree, "--packed", tmp_path / "p", "--steps", 4, *SMALL)
    settings = SETTINGS
    code, out, err = run(capsys, *options, *settings, "-o", tmp_path / "m", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["tokens"] == 4 * 256
    assert "tokens of 60 files" in err
    assert (tmp_path / "m/README.md").is_file()
    again = ("--kind", "decoder", "--packed", tmp_path / "p", "--steps", 2, *settings, "-o", tmp_path / "d")
    assert run(capsys, *again)[0] == 0
    other = ("--kind", "decoder", "--corpus", tree / "pack_1", "--packed", tmp_path / "p", "--steps", 2)
    code, _, err = run(capsys, *other, *settings, "-o", tmp_path / "e")
    assert code == 2
    assert "the packed corpus here is of other sources or settings" in err
    assert run(capsys, *options, *settings, "-o", tmp_path / "f")[0] == 0
    (tree / "pack_1/code.py").write_text("x = 1\n")
    code, _, err = run(capsys, *options, *settings, "-o", tmp_path / "g")
    assert code == 2
    assert "its sources have changed since" in err


def test_options_of_packing_are_refused_with_a_packed_corpus_alone(capsys, tree, tmp_path):
    options = ("--kind", "decoder", "--packed", tmp_path / "p", "--steps", 1, *SETTINGS)
    assert run(capsys, *options, "--corpus", tree, *SMALL, "-o", tmp_path / "m")[0] == 0
    for more in (
        ("--length", 32),
        ("--vocabulary", 400),
        ("--language", "c"),
        ("--exclude", "x"),
        ("--tokenizer", "x"),
    ):
        code, _, err = run(capsys, *options, *more, "-o", tmp_path / "n")
        assert code == 2
        assert f"this corpus is packed already, and {more[0]} would change nothing" in err


def test_one_repository_is_judged_on_files_and_leaves_no_packed_corpus(capsys, tree, tmp_path):
    (tree / "pack_1/code.py").rename(tree / "pack_0/A.java")
    tree.rename(tmp_path / "src")
    (tmp_path / "one").mkdir()
    (tmp_path / "src").rename(tmp_path / "one/src")
    options = ("--kind", "encoder", "--corpus", tmp_path / "one", "--steps", 2, *SMALL, *SETTINGS)
    code, out, err = run(capsys, *options, "-o", tmp_path / "m")
    assert code == 0
    assert "Single files are held back" in err
    assert "Too little is held back to judge java" in err
    assert "java not measured" in " ".join(out.split())
    assert "python " in out
    assert not list(tmp_path.glob(".*"))


def test_a_stopped_run_keeps_its_corpus(capsys, tree, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    options = ("--kind", "encoder", "--corpus", tree, "--steps", 2, *SMALL, *SETTINGS, "-o", tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr("codeward.zoo.pretrain.pretrain", stop)
        assert run(capsys, *options)[0] != 0
    assert (tmp_path / ".m.corpus/corpus.json").is_file()
    code, _, err = run(capsys, *options)
    assert code == 0
    assert "tokens of" not in err
    assert not list(tmp_path.glob(".*"))


def test_nothing_is_packed_for_a_run_that_cannot_begin(capsys, tree, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    start = ("--kind", "encoder", "--corpus", tree)
    cases = [
        (start, "m", 2, "--minutes or --steps"),
        ((*start, "--steps", 1, "--minutes", 1), "m", 2, "give one of them"),
        ((*start, "--minutes", 0), "m", 2, "leaves no time to train"),
        ((*start, "--steps", 1), "file", 4, "this is a file"),
        ((*start, "--steps", 1), "full", 4, "the folder is not empty"),
        ((*start, "--steps", 1, "--packed", tmp_path / "m/p"), "m", 2, "lies in the folder that --output writes"),
        (
            (*start, "--steps", 1, "--packed", tmp_path / "full"),
            "m",
            4,
            "something that is no packed corpus stands here",
        ),
        (
            (*start, "--steps", 1, "--packed", tmp_path / "file"),
            "m",
            4,
            "something that is no packed corpus stands here",
        ),
        (
            (*start, "--steps", 1, "--tokenizer", "nowhere"),
            "m",
            4,
            "nowhere: there is no such folder; give --tokenizer",
        ),
        (
            (*start, "--steps", 1, "--tokenizer", tmp_path / "empty"),
            "m",
            4,
            "no tokenizer can be loaded from here; give",
        ),
        (("--kind", "encoder", "--packed", tmp_path / "empty", "--steps", 1), "m", 4, "empty: this is no corpus"),
        (
            ("--kind", "seq2seq", "--corpus", tree, "--steps", 1, "--set", "start=nowhere"),
            "m",
            2,
            "neither a folder nor",
        ),
    ]
    for arguments, out, code, message in cases:
        found, _, err = run(capsys, *arguments, "-o", tmp_path / out)
        assert message in err, err
        assert found == code
        assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "full/x").is_file()


def test_a_tokenizer_that_cannot_serve_is_refused_before_a_corpus_is_read(capsys, tree, tmp_path, monkeypatch):
    from codeward.victims.tokenizing import fit_bpe

    def read(*_, **__):
        raise AssertionError("a corpus was read")

    monkeypatch.setattr("codeward.zoo.sources.documents", read)
    fit_bpe(["x = 1"], 400).save_pretrained(tmp_path / "t")
    options = ("--kind", "seq2seq", "--corpus", tree, "--tokenizer", tmp_path / "t", "--steps", 1)
    code, _, err = run(capsys, *options, "-o", tmp_path / "m")
    assert code == 4
    assert "t: this tokenizer has 0 of the 32 markers that an encoder-decoder needs" in err
    assert not list(tmp_path.glob(".*"))


def kill(monkeypatch, capsys, module, options):
    """Run a command that is killed where the module removes its first folder."""

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"codeward.{module}.shutil", type("Killed", (), {"rmtree": killed}))
        assert run(capsys, *options)[0] == 130


@pytest.mark.parametrize("module", ["zoo.pretrain", "cli.pretrain"])
def test_a_run_that_is_killed_after_its_model_stands_is_done(capsys, tree, tmp_path, monkeypatch, module):
    options = ("--kind", "decoder", "--corpus", tree, "--steps", 2, *SMALL, *SETTINGS, "-o", tmp_path / "m", "--json")
    kill(monkeypatch, capsys, module, options)
    model, card = ((tmp_path / "m" / name).read_bytes() for name in ("model.safetensors", "codeward-zoo.json"))
    (tmp_path / ".m.corpus/corpus.json").unlink()  # a part was removed already
    for other in (("--steps", 3), ("--seed", 1), ("--length", 16), ("--corpus", tree / "pack_1")):
        code, _, err = run(capsys, *options, *other)
        assert code == 4
        assert "m: the folder is not empty; give another one" in err
        assert (tmp_path / ".m.corpus").is_dir()
    code, out, err = run(capsys, *options)
    assert code == 0, err
    told = json.loads(out)
    assert told["tokens"] == 2 * 256
    assert told["curve"] == json.loads(card)["curve"]
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "m/model.safetensors").read_bytes() == model
    code, _, err = run(capsys, *options)
    assert code == 4
    assert "not empty" in err


def test_a_corpus_with_a_place_of_its_own_outlives_a_killed_run(capsys, tree, tmp_path, monkeypatch):
    packed = ("--kind", "decoder", "--packed", tmp_path / "p", "--steps", 2, *SETTINGS)
    assert run(capsys, *packed, "--corpus", tree, *SMALL, "-o", tmp_path / "first")[0] == 0
    kill(monkeypatch, capsys, "zoo.pretrain", (*packed, "-o", tmp_path / "m"))
    assert (tmp_path / ".m.pretraining").is_dir()
    assert run(capsys, *packed, "-o", tmp_path / "m")[0] == 0
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "p/corpus.json").is_file()


def test_folders_in_the_making_of_killed_runs_are_removed(capsys, tree, tmp_path):
    import os

    for name in (".m.ize33qe7", "..m.corpus.cuq923kc"):
        (tmp_path / name).mkdir(mode=0o700)
        os.utime(tmp_path / name, (0, 0))
    options = ("--kind", "decoder", "--corpus", tree, "--steps", 1, *SMALL, *SETTINGS)
    assert run(capsys, *options, "-o", tmp_path / "m")[0] == 0
    assert not list(tmp_path.glob(".*"))


def test_the_help_says_what_a_tokenizer_needs(capsys):
    main(["pretrain", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert (
        "It has bos, eos, pad and unk, for an encoder mask, for seq2seq T5's markers (extra_id_0 to extra_id_31)"
        in told
    )


def test_the_help_says_which_languages_are_read(capsys):
    main(["pretrain", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Without it: c, cpp, java, python." in told
    assert "8192" in told


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
