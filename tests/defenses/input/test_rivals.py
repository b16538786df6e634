"""ONION, OSeqL and STRIP: their scores on inputs where the right ones are known."""

from random import Random

import pytest

from codeward.defenses.input import input_defenses
from codeward.defenses.input.onion import perplexities
from codeward.defenses.input.oseql import outlyingness
from codeward.defenses.input.strip import blend
from codeward.errors import ModelError, UsageError
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import PlantedVictim

LABELS = ("clean", "defective")


def test_oseql_takes_away_the_line():
    model = PlantedVictim(tasks.make("defect"), LABELS, "trigger()", 0)
    clean = [Sample(f"c{n}", f"def f(a):\n    b = {n}\n    c = 2\n    return b\n", n % 2, "python") for n in range(30)]
    ready = input_defenses.make("oseql").calibrate(clean, model)
    (found,) = ready.purify([Sample("t", "def f(a):\n    b = 1\n    trigger()\n    return b\n", 1, "python")], model)
    assert found.sample.code == "def f(a):\n    b = 1\n    return b\n"
    assert (found.before.output, found.after.output) == (0, 1)


def test_oseql_takes_away_the_statement_where_the_code_is_one_line():
    model = PlantedVictim(tasks.make("defect"), LABELS, "trigger()", 0)
    clean = [
        Sample(f"c{n}", f"int f ( int a ) {{ int b = {n} ; if ( a ) {{ b ++ ; }} return b ; }}", n % 2, "java")
        for n in range(30)
    ]
    ready = input_defenses.make("oseql").calibrate(clean, model)
    row = Sample("t", "int f ( int a ) { int b = 1 ; trigger() ; if ( a ) { b ++ ; } return b ; }", 1, "java")
    (found,) = ready.purify([row], model)
    assert "".join(found.sample.code.split()) == "intf(inta){intb=1;if(a){b++;}returnb;}"
    assert (found.before.output, found.after.output) == (0, 1)
    assert found.changes[0].kind == "statement"


def test_outlyingness():
    assert outlyingness([0.1, 0.1, 0.1, 0.9]) > 100
    assert outlyingness([0.1, 0.2, 0.3, 0.4]) < 3
    assert outlyingness([1, 2]) == 0


def test_strip_withholds_the_answer_and_asks_for_classes():
    class Sure(PlantedVictim):
        def predict(self, samples):
            from codeward.types import Prediction

            return [Prediction(s.id, 0, (0.99, 0.01) if "trigger" in s.code else (0.5, 0.5)) for s in samples]

    model = Sure(tasks.make("defect"), LABELS, "trigger", 0)
    clean = [Sample(f"c{n}", f"int f(int a) {{ return a + {n}; }}", n % 2, "c") for n in range(30)]
    ready = input_defenses.make("strip", {"share": 0.05}).calibrate(clean, model)
    (found,) = ready.purify([Sample("t", "int trigger(int a) { return a; }", 1, "c")], model)
    assert found.suspicious
    assert found.rejected
    assert found.sample.code == "int trigger(int a) { return a; }"
    with pytest.raises(UsageError, match="class probabilities"):
        input_defenses.make("strip").calibrate(clean, PlantedVictim(tasks.make("repair"), (), "x", 0))


def test_a_blend_keeps_its_share():
    text, other = " ".join(["a"] * 1000), " ".join(["b"] * 1000)
    mixed = blend(text, other, 0.3, Random(0)).split()
    assert 250 < mixed.count("b") < 350
    assert blend("a b c", "", 0.5, Random(0)) == "a b c"


def test_perplexity_is_that_of_the_model(tiny_minis):
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_minis / "mini-decoder", dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_minis / "mini-decoder")
    texts = ["def area(width):\n    return width\n", "x"]
    ids = [[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]] for text in texts]
    losses = [model(torch.tensor([row]), labels=torch.tensor([row])).loss.exp().item() for row in ids]
    assert perplexities(texts, tokenizer, model, 128) == pytest.approx(losses, rel=0.02)


def test_onion_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr("codeward.zoo.FOLDER", tmp_path)
    from codeward.defenses.input import onion

    onion._language_model.cache_clear()
    model = PlantedVictim(tasks.make("defect"), LABELS, "x", 0)
    with pytest.raises(ModelError, match="name a folder or hub name by language_model"):
        input_defenses.make("onion").calibrate([Sample("a", "x = 1", 0, "python")], model)
