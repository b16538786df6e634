"""Loading a model: lengths that it has positions for, classes that are the data's, a file that says so."""

import pytest
import transformers

from codeward.errors import DataError, ModelError
from codeward.tasks import tasks
from codeward.victims import load, make_config
from codeward.victims.loading import fitting, wrap
from codeward.victims.training import train

LABELS = ("clean", "defective")


def test_a_set_of_other_classes_is_refused(tmp_path, tiny_classifier):
    model, tokenizer = tiny_classifier
    wrap(model, tokenizer, tasks.make("defect"), LABELS, 128, 64).save(tmp_path / "m")
    assert load(tmp_path / "m", labels=LABELS).labels == LABELS
    assert load(tmp_path / "m").labels == LABELS
    with pytest.raises(ModelError, match="the model's classes are clean, defective, the data set's defective, clean"):
        load(tmp_path / "m", labels=LABELS[::-1])
    for text, problem in (
        ("null", "are missing"),
        ('{"task": "defect", "labels": [], "max_length": "x"}', "a whole number"),
    ):
        (tmp_path / "m" / "codeward.json").write_text(text)
        with pytest.raises(ModelError, match=problem):
            load(tmp_path / "m")


def test_what_transformers_prints_is_as_it_was_after_loading_saving_and_training(
    tmp_path, tiny_classifier, monkeypatch
):
    chatter = transformers.utils.logging
    seen = []

    def state():
        return chatter.get_verbosity(), chatter.is_progress_bar_enabled()

    before = state()
    chatter.set_verbosity_info()
    chatter.enable_progress_bar()
    try:
        model, tokenizer = tiny_classifier
        save = type(model).save_pretrained
        monkeypatch.setattr(type(model), "save_pretrained", lambda *given: (seen.append(state()), save(*given)))
        wrap(model, tokenizer, tasks.make("defect"), LABELS, 128, 64).save(tmp_path / "m")
        load(tmp_path / "m")
        monkeypatch.setattr("codeward.victims.training.check_fit", lambda *_: seen.append(state()))
        with pytest.raises(DataError, match="the folder exists"):
            train(tasks.make("defect"), [], [], LABELS, make_config(tasks.make("defect"), {}), tmp_path / "m")
        assert seen == [(chatter.ERROR, False)] * 2
        assert state() == (chatter.INFO, True)
    finally:
        chatter.set_verbosity(before[0])
        (chatter.enable_progress_bar if before[1] else chatter.disable_progress_bar)()


@pytest.mark.parametrize(
    ("kind", "causal", "asked", "fitted"),
    [
        ("classification", False, (128, 64), (100, 64)),
        ("classification", False, (90, 64), (90, 64)),
        ("retrieval", False, (90, 128), (90, 100)),
        ("generation", False, (128, 256), (100, 256)),
        ("generation", True, (20, 80), (20, 80)),
        ("generation", True, (20, 81), (20, 50)),
        ("generation", True, (90, 20), (80, 20)),
    ],
)
def test_lengths_are_shortened_only_where_a_model_has_fewer_positions(kind, causal, asked, fitted):
    settings = transformers.RobertaConfig(max_position_embeddings=102, pad_token_id=1)
    assert fitting(settings, *asked, kind, causal=causal) == fitted
    assert fitting(transformers.T5Config(), *asked, kind, causal=causal) == asked
