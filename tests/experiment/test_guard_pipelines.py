"""The guard around pipelines of transformers: what they are told to read and to answer, and which are refused."""

import pytest
from tests.experiment.conftest import code

import codeward
from codeward.errors import UnfitError, UsageError
from codeward.types import OTHER, Sample


def piped(tiny_classifier, **options):
    import transformers

    model, tokenizer = tiny_classifier
    tokenizer.model_max_length = 128
    return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, **options)


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({}, 128),
        ({"truncation": True}, 128),
        ({"truncation": True, "max_length": 24}, 24),
        ({"max_length": 24}, 24),
        ({"truncation": "longest_first", "max_length": 24, "padding": "longest"}, 24),
        ({"truncation": True, "max_length": 24, "padding": "max_length"}, 24),
        ({"padding": "max_length", "max_length": 24}, 128),
        ({"truncation": False, "max_length": 24}, 128),
        ({"truncation": True, "max_length": 4000}, 128),
    ],
)
def test_a_guard_reads_as_much_as_the_pipeline(clean, tiny_classifier, options, length):
    guard = codeward.guard(piped(tiny_classifier, **options), clean=clean, defense="oseql")
    assert guard.victim.encoder.max_length == length


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("options", [{"top_k": None}, {"top_k": 2}, {"padding": "longest", "truncation": True}])
def test_a_guard_answers_with_the_first_label_of_the_pipeline(clean, tiny_classifier, precision, options):
    import torch

    model, tokenizer = tiny_classifier
    pipe = piped((model.to(getattr(torch, precision)), tokenizer), **options)
    guard = codeward.guard(pipe, clean=clean, defense="oseql")
    told = pipe([code(1)])[0]
    assert guard(code(1)).original_answer == (told[0] if isinstance(told, list) else told)["label"]


def test_a_guard_of_a_pipeline_with_many_labels(clean, tiny_zoo):
    import transformers

    from codeward.victims.shapes import Shape, new_config, new_model

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")
    names = {number: f"CWE-{number}" for number in range(5)}
    config = new_config("encoder", Shape(hidden=32, layers=1, positions=128, head=16), tokenizer, id2label=names)
    pipe = piped((new_model(transformers.AutoModelForSequenceClassification, config, 0), tokenizer), top_k=None)
    guard = codeward.guard(pipe, clean=clean, defense="codepurify")
    assert guard.victim.labels == tuple(names.values())
    assert guard(code(1)).original_answer == pipe([code(1)])[0][0]["label"]


def test_a_pipeline_that_judges_each_label_by_itself_is_refused(clean, tiny_classifier):
    with pytest.raises(
        UnfitError, match=r"each class by itself \(function_to_apply='sigmoid'\).*give a pipeline with a"
    ):
        codeward.guard(piped(tiny_classifier, function_to_apply="sigmoid"), clean=clean)
    for how in ("softmax", "none"):
        assert codeward.guard(piped(tiny_classifier, function_to_apply=how), clean=clean, defense="oseql")


def test_a_guard_of_a_pipeline_of_pairs(tiny_classifier):
    pipe = piped(tiny_classifier)
    pairs = [Sample(f"c{n}", code(n), 0, "python", {OTHER: code(n + 1)}) for n in range(30)]
    guard = codeward.guard(pipe, clean=pairs, task="clone", defense="oseql")
    one, other = code(50), code(51)
    found = guard(Sample("t", one, None, "python", {OTHER: other}))
    assert found.original_answer == pipe({"text": one, "text_pair": other})["label"]
    with pytest.raises(UsageError, match="reads two codes"):
        guard(one)


def test_a_guard_shares_no_state_of_the_pipeline_s_tokenizer(clean, tiny_classifier):
    pipe = piped(tiny_classifier, padding="max_length", truncation=True, max_length=100)
    guard = codeward.guard(pipe, clean=clean, defense="oseql")
    before = guard(code(1))
    reading, encode = guard.victim.encoder, type(guard.victim.encoder)._encode

    def meanwhile(self, *arguments, **options):
        found = encode(self, *arguments, **options)
        pipe(code(2))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(reading), "_encode", meanwhile)
        assert guard(code(1)) == before
    assert pipe.tokenizer is tiny_classifier[1]
    assert reading.tokenizer is not pipe.tokenizer
