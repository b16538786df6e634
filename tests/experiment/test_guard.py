"""The guard before a served model: planted victims, pairs, pipelines, and what it refuses."""

import pytest
from tests.experiment.conftest import LABELS, TRIGGER, code

import codeward
from codeward.data import write_data
from codeward.errors import UnknownNameError, UsageError
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
    assert codeward.guard(tmp_path / "m", language="python")(code(9, trigger=True)).suspicious
    with pytest.raises(UsageError, match="give clean samples"):
        codeward.guard(tmp_path / "m", language="python", options={"fills": 2})


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


def test_the_guard_of_a_pipeline(clean, tiny_classifier):
    import transformers

    model, tokenizer = tiny_classifier
    tokenizer.model_max_length = 128
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    guard = codeward.guard(pipe, clean=clean)
    assert guard(code(1)).original_answer == pipe(code(1))[0]["label"]


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
