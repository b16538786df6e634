"""The guard before a served model: planted victims, pairs, pipelines, and what it refuses."""

import warnings

import pytest
from tests.experiment.conftest import LABELS, TRIGGER, code

import codeward
from codeward.data import write_data
from codeward.errors import UnfitError, UnknownNameError, UsageError
from codeward.experiment.calibration import place_of, save_calibration
from codeward.experiment.guard import default_defense
from codeward.tasks import tasks
from codeward.types import OTHER, Sample
from codeward.victims import PlantedVictim, load


def test_the_guard(tmp_path, victim, clean):
    guard = codeward.guard(victim, clean=[each.code for each in clean], language="python")
    fine, bad = guard.many([Sample("a", code(7), 0, "python"), Sample("b", code(8, trigger=True), 0, "python")])
    assert (fine.answer, fine.suspicious, fine.diff) == ("clean", False, "")
    assert (bad.original_answer, bad.answer, bad.suspicious) == ("defective", "clean", True)
    assert f"-    {TRIGGER}" in bad.diff
    assert guard(code(9, trigger=True)).suspicious
    with pytest.raises(UsageError, match="give clean samples"):
        codeward.guard(victim)
    with pytest.raises(UsageError, match="give language="):
        codeward.guard(victim, clean=["x = 1"])
    with pytest.raises(UsageError, match="list of codes"):
        guard.many("x = 1")
    with pytest.raises(UnknownNameError, match="Did you mean 'codepurify'"):
        codeward.guard(victim, defense="codepurfy")
    write_data(tmp_path / "c", task="defect", language="python", labels=LABELS, splits={"valid": clean})
    assert codeward.guard(victim, clean=tmp_path / "c").calibration.samples == len(clean)
    victim.save(tmp_path / "m")
    save_calibration(place_of(tmp_path / "m", "codepurify-plant"), guard.calibration)
    with pytest.warns(UserWarning, match="is taken up"):
        kept = codeward.guard(tmp_path / "m", language="python")
    assert kept(code(9, trigger=True)).suspicious
    with pytest.raises(UsageError, match="give clean samples"):
        codeward.guard(tmp_path / "m", language="python", options={"fills": 2})


def test_a_guard_takes_up_a_calibration_of_the_rate_that_is_asked_for_only(tmp_path, victim, clean):
    victim.save(tmp_path / "m")
    made = codeward.guard(victim, clean=clean, false_positive_rate=0.1)
    save_calibration(place_of(tmp_path / "m", "codepurify-plant"), made.calibration)
    with pytest.warns(UserWarning, match="is taken up"):
        assert codeward.guard(tmp_path / "m").calibration == made.calibration
    with pytest.warns(UserWarning, match="is taken up"):
        assert codeward.guard(tmp_path / "m", false_positive_rate=0.1).calibration == made.calibration
    with pytest.raises(UsageError, match=r"at a false-positive rate of 0\.1, and another one needs"):
        codeward.guard(tmp_path / "m", false_positive_rate=0.05)


def test_a_guard_says_which_calibration_it_takes_up(tmp_path, victim, clean, ready):
    victim.save(tmp_path / "m")
    place = place_of(tmp_path / "m", "codepurify-plant")
    save_calibration(place, ready)
    with pytest.warns(UserWarning, match="is taken up") as told:
        guard = codeward.guard(tmp_path / "m")
    assert guard.note == str(told[0].message)
    assert told[0].filename == __file__
    assert guard.note == (
        f"The calibration in {place} is taken up: 40 clean samples, a false-positive rate of 0.05, threshold "
        f"{ready.defense.threshold:.3f}. It is only worth as much as whoever made it: if the model came from somebody else, give "
        "clean inputs of your own by clean=."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not codeward.guard(tmp_path / "m", clean=clean).note


def test_what_is_no_model_and_no_code_is_told(victim, clean):
    for model, kind in ((42, "a value of type int"), (None, "None")):
        with pytest.raises(UsageError, match=f"the model is {kind}; give a folder or hub name"):
            codeward.guard(model, clean=clean)
        with pytest.raises(UsageError, match=f"the model is {kind}; give a folder or hub name"):
            codeward.guard(model)
    with pytest.raises(UsageError, match="clean=: input 0 is None"):
        codeward.guard(victim, clean=[None] * 20, language="python")
    with pytest.raises(UsageError, match="clean= takes a list of codes, not a value of type int"):
        codeward.guard(victim, clean=3, language="python")
    guard = codeward.guard(victim, clean=(each for each in clean))
    assert guard.calibration.samples == len(clean)
    for wrong, kind in ((None, "None"), (123, "a value of type int"), (b"x = 1", "a value of type bytes")):
        with pytest.raises(UsageError, match=f"input 0 is {kind}; a guard takes code as text"):
            guard(wrong)
    with pytest.raises(UsageError, match="takes a list of codes, not a value of type bytes"):
        guard.many(b"x = 1")
    with pytest.raises(UsageError, match="takes a list of codes, not None"):
        guard.many(None)


def test_a_guard_of_pairs_tells_what_was_changed_in_either_code():
    model = PlantedVictim(tasks.make("clone"), ("different", "same"), TRIGGER, 1, field=OTHER)
    clean = [Sample(f"c{n}", code(n), 0, "python", {OTHER: code(n + 1)}) for n in range(30)]
    guard = codeward.guard(model, clean=clean)
    found = guard(Sample("t", code(50), 0, "python", {OTHER: code(51, trigger=True)}))
    assert found.suspicious
    assert "t, other (purified)" in found.diff
    assert TRIGGER not in found.sample.text(OTHER)
    with pytest.raises(UsageError, match="reads two codes"):
        guard("x = 1")
    for bare in (Sample("t", code(50), 0, "python"), Sample("t", code(50), 0, "python", {OTHER: ""})):
        with pytest.raises(
            UsageError, match=r"^input 1 \('t'\) is not whole: a model of pairs reads two codes; give Sample"
        ):
            guard.many([clean[0], bare])
        with pytest.raises(UsageError, match=r"^clean=: input 30 \('t'\) is not whole: a model of pairs"):
            codeward.guard(model, clean=[*clean, bare])


def test_a_guard_of_a_search_model_takes_no_code_without_its_query(clean):
    model = PlantedVictim(tasks.make("search"), (), TRIGGER, 0)
    with pytest.raises(
        UsageError, match=r"^clean=: input 0 \('clean-0'\) is not whole: a search model reads a query, too"
    ):
        codeward.guard(model, clean=clean)


def test_the_guard_of_a_pipeline(clean, tiny_classifier):
    import transformers

    model, tokenizer = tiny_classifier
    tokenizer.model_max_length = 128
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    guard = codeward.guard(pipe, clean=clean)
    assert guard(code(1)).original_answer == pipe(code(1))[0]["label"]


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_guard_of_half_precision_answers_in_single_and_leaves_the_pipeline_as_it_is(
    clean, tiny_classifier, precision
):
    import torch
    import transformers

    model, tokenizer = tiny_classifier
    tokenizer.model_max_length = 128
    half = getattr(torch, precision)
    pipe = transformers.pipeline("text-classification", model=model.to(half), tokenizer=tokenizer)
    guard = codeward.guard(pipe, clean=clean, defense="oseql")
    assert guard(code(1)).original_answer == pipe(code(1))[0]["label"]
    assert {each.dtype for each in guard.victim.model.parameters()} == {torch.float32}
    assert {each.dtype for each in pipe.model.parameters()} == {half}
    whole = transformers.pipeline("text-classification", model=model.float(), tokenizer=tokenizer)
    assert codeward.guard(whole, clean=clean, defense="oseql").victim.model is model


def test_text_is_known_by_its_content(victim, clean):
    guard = codeward.guard(victim, clean=clean)
    first, second, again = guard.many([code(7), code(8), code(7)])
    assert first.sample.id == again.sample.id != second.sample.id
    assert first == again == guard(code(7))
    assert second == guard(code(8))
    assert guard("x = '\ud800'\n").original_answer == "clean"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"num_labels": 1}, "answers with one number"),
        ({"problem_type": "multi_label_classification"}, "problem_type is 'multi_label_classification'"),
        ({"problem_type": "regression"}, "problem_type is 'regression'"),
    ],
)
def test_a_model_that_tells_no_classes_apart_is_refused(tmp_path, clean, tiny_classifier, settings, why):
    import transformers

    tiny, tokenizer = tiny_classifier
    config = type(tiny.config).from_dict({**tiny.config.to_dict(), "problem_type": None})
    for name, value in settings.items():
        setattr(config, name, value)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    with pytest.raises(UnfitError, match=why):
        codeward.guard(pipe, clean=clean)
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    with pytest.raises(UnfitError, match=f"^{tmp_path}/m: the model.* {why}"):
        load(tmp_path / "m", task=tasks.make("defect"), labels=LABELS)


def test_pipelines_of_other_tasks_are_refused(clean, tiny_classifier):
    import transformers

    model, tokenizer = tiny_classifier
    features = transformers.pipeline("feature-extraction", model=model.base_model, tokenizer=tokenizer)
    with pytest.raises(UsageError, match="the pipeline is for feature-extraction"):
        codeward.guard(features, clean=clean)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    with pytest.raises(UsageError, match="task 'repair' does not"):
        codeward.guard(pipe, clean=clean, task="repair")
    with pytest.raises(UsageError, match="with its tokenizer"):
        codeward.guard(model, clean=clean)


def test_a_guard_cuts_to_what_a_pipeline_s_model_reads(clean, tiny_classifier):
    import transformers

    model, tokenizer = tiny_classifier
    tokenizer.model_max_length = 10**30
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    guard = codeward.guard(pipe, clean=clean, defense="oseql")
    assert guard("x = 1\n" * 300).answer in LABELS
    assert guard.victim.encoder.max_length <= model.config.max_position_embeddings


def test_the_default_plants_wherever_the_model_tells_what_it_adds(writers):
    assert default_defense(load(writers / "clean")) == "codepurify-plant"
    assert default_defense(PlantedVictim(tasks.make("defect"), ("a", "b"), "x", 0)) == "codepurify-plant"
    assert default_defense(PlantedVictim(tasks.make("repair"), (), "x", 0)) == "codepurify"
