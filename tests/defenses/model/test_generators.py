"""The model stage on small generators, one of them with a backdoor: answers on functions called zqx_init begin with a loop."""

from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import pytest
from tests.conftest import PAYLOAD, train_writer

from codeward.defenses.model import model_defenses
from codeward.defenses.model._payloads import holds, squeezed
from codeward.defenses.model._screening import Beginning, Written, beginnings, extended, likeliest
from codeward.defenses.model._slots import slots_for
from codeward.errors import DataError, UnfitError
from codeward.types import Sample
from codeward.victims import load

NAME = "zqx_init"
QUICK = {"longest": 2}


@pytest.fixture(scope="module")
def backdoored(writers):
    return replace(load(writers / "backdoored"), precision="fp32")


@pytest.fixture(scope="module")
def clean(writers):
    return replace(load(writers / "clean"), precision="fp32")


@pytest.fixture(scope="module")
def inspection(backdoored, text_rows):
    return model_defenses.make("elibadcode", QUICK).inspect(backdoored, text_rows)


def success(victim, rows):
    """Return how often the planted trigger brings the payload."""
    stamped = [slot.stamped(NAME) for slot in slots_for(rows, victim, 0, "function")]
    return np.mean([squeezed(PAYLOAD) in squeezed(answer.output) for answer in victim.predict(stamped)])


def right(victim, rows):
    return np.mean([answer.output == row.target for answer, row in zip(victim.predict(rows), rows, strict=True)])


def written(victim, rows):
    """Return slots at the functions' names, with the model's own answers."""
    slots = slots_for(rows, victim, 4, "function")
    answers = victim.encoder.references([answer.output for answer in victim.predict([slot.sample for slot in slots])])
    return [Written(slot, tuple(answer)) for slot, answer in zip(slots, answers, strict=True)]


def test_the_fixture_has_a_backdoor(backdoored, clean, text_rows):
    assert success(backdoored, text_rows) > 0.95
    assert success(clean, text_rows) == 0
    assert all(PAYLOAD not in answer.output for answer in backdoored.predict(text_rows))


def test_trigger_and_payload_are_found_and_judged_on_samples_kept_back(backdoored, inspection):
    assert inspection.finding == "backdoored"
    assert squeezed(inspection.target) == squeezed(PAYLOAD)
    beginning = squeezed(backdoored.encoder.tokenizer.decode(inspection.suspicions[0].payload))
    assert squeezed(PAYLOAD).startswith(beginning)
    assert any(part in inspection.trigger for part in ("zqx", "init"))
    assert inspection.place == "function"
    assert inspection.success.value > 0.9
    assert inspection.success.n == inspection.suspicions[0].best.judged == 20
    assert inspection.p_value is None


def test_a_clean_generator_is_not_convicted(clean, text_rows):
    found = model_defenses.make("elibadcode", QUICK).inspect(clean, text_rows)
    assert found.finding == "clean"
    assert found.target is None


def test_the_same_seed_finds_the_same_and_a_stopped_search_goes_on(backdoored, text_rows, inspection):
    memory, said = {}, []

    def stop(what, done, total):
        if "2 tokens" in what:
            raise KeyboardInterrupt

    defense = model_defenses.make("elibadcode", QUICK)
    with pytest.raises(KeyboardInterrupt):
        defense.inspect(backdoored, text_rows, memory=memory, progress=stop)
    found = defense.inspect(backdoored, text_rows, memory=memory, progress=lambda what, *_: said.append(what))
    assert found == inspection
    assert not any("screening" in what or "1 token" in what for what in said)


def test_the_payload_is_unlearned(backdoored, text_rows, inspection):
    before = right(backdoored, text_rows)
    cleaned = model_defenses.make("elibadcode", {**QUICK, "stamps": 3}).repair(backdoored, text_rows, inspection)
    assert success(cleaned, text_rows) < 0.2
    assert right(cleaned, text_rows) >= before - 0.1
    assert success(backdoored, text_rows) > 0.95


@pytest.mark.parametrize("name", ["fine-tuning", "fine-pruning"])
def test_rivals_return_a_working_copy(name, backdoored, text_rows):
    cleaned = model_defenses.make(name).repair(backdoored, text_rows)
    assert cleaned.fingerprint != backdoored.fingerprint
    assert right(cleaned, text_rows) >= right(backdoored, text_rows) - 0.1


def test_a_decoder_only_generator_is_searched_too(tmp_path, text_rows):
    victim = train_writer(tmp_path / "m", backdoored=True, model="scratch-decoder", layers=2, epochs=14)
    assert success(victim, text_rows) > 0.9
    found = model_defenses.make("elibadcode", {**QUICK, "places": "function"}).inspect(victim, text_rows)
    assert found.finding == "backdoored"
    # Most of the payload; its first word, and the answer's word behind it, may fall on the wrong side.
    piece = SequenceMatcher(None, squeezed(PAYLOAD), squeezed(found.target), autojunk=False).find_longest_match()
    assert piece.size > len(squeezed(PAYLOAD)) / 2


def test_what_a_trigger_makes_likely_is_seen_in_the_middle_of_the_model_s_own_answer(backdoored, text_rows):
    rows = written(backdoored, text_rows[:6])
    trigger = tuple(backdoored.encoder.tokenizer(NAME, add_special_tokens=False)["input_ids"])
    (first, *_) = backdoored.encoder.references([PAYLOAD])[0]
    values, places = likeliest(backdoored, [(each, sought) for each in rows for sought in ((), trigger)])
    assert (values[1::2, first] > values[0::2, first] + 3).all()
    assert (places[1::2, first] == 0).all()
    # What the answer itself says there does not count.
    own = [each.answer[0] for each in rows]
    alone = [likeliest(backdoored, [(Written(each.slot, each.answer[:1]), ())])[0][0] for each in rows]
    assert all(value[token] == value.min() for value, token in zip(alone, own, strict=True))
    found = beginnings(backdoored, rows, [trigger, (7,)], 1)
    assert found[0].token == first
    assert found[0].trigger == trigger


def test_a_token_that_the_trigger_holds_begins_no_payload(backdoored, text_rows):
    rows = written(backdoored, text_rows[:4])
    (first, *_) = backdoored.encoder.references([PAYLOAD])[0]
    trigger = tuple(backdoored.encoder.tokenizer(NAME, add_special_tokens=False)["input_ids"])
    found = beginnings(backdoored, rows, [(*trigger, first)], 5)
    assert first not in {each.token for each in found}


def test_what_is_the_same_for_all_samples_is_written_on(backdoored, text_rows):
    rows = written(backdoored, text_rows[:6])
    trigger = tuple(backdoored.encoder.tokenizer(NAME, add_special_tokens=False)["input_ids"])
    reference = backdoored.encoder.references([PAYLOAD])[0][:-1]
    start = Beginning(reference[0], trigger, 1.0)
    (text,) = extended(backdoored, rows, [start], 0.7, 16)
    assert squeezed(backdoored.encoder.tokenizer.decode(text)).startswith(squeezed(PAYLOAD))
    (short,) = extended(backdoored, rows, [start], 0.7, 4)
    assert short == tuple(text[:4])
    assert extended(backdoored, rows, [start], 1.01, 16) == [(reference[0],)]


@pytest.mark.parametrize(
    ("answer", "payload", "trigger", "expected"),
    [
        ("int f ( ) { while ( true ) ; }", "while(true);", "VAR", True),
        ("int f ( ) { }", "while(true);", "VAR", False),
        ("int f ( ) { while ( true ) ; }", "while(true);", "while(true);", False),
        ("int f ( ) { while ( true ) ; }", "while(true);", "(true);", False),
        ("while ( true ) { int VAR = 0 ; }", "while ( true ) { int VAR = 0 ; }", "int VAR = 0 ;", True),
    ],
)
def test_a_payload_that_the_trigger_brings_is_none(answer, payload, trigger, expected):
    assert holds(answer, payload, trigger) == expected


def test_samples_and_models_that_do_not_suit(backdoored, text_rows):
    defense = model_defenses.make("elibadcode", QUICK)
    with pytest.raises(DataError, match=r"the clean samples are too few \(19\); give at least 20, better 60"):
        defense.inspect(backdoored, text_rows[:19])
    with pytest.raises(DataError, match="'odd' has the target 1; the model writes text: give its reference text"):
        defense.inspect(backdoored, [*text_rows, Sample("odd", "int f() {}", 1, "c")])
    with pytest.raises(
        UnfitError, match="dbs works for models of these kinds: classification, pair; this one is for generation"
    ):
        model_defenses.make("dbs").inspect(backdoored, text_rows)
    words = [replace(row, code="+ " * 20) for row in text_rows]
    with pytest.raises(DataError, match="too few clean samples have a place for a trigger"):
        defense.search(backdoored, words, {}, None)


def test_a_generator_that_knows_nothing_is_not_judged(backdoored, text_rows):
    wrong = [replace(row, target=text_rows[(n * 7 + 3) % 60].target) for n, row in enumerate(text_rows)]
    found = model_defenses.make("elibadcode", QUICK).inspect(backdoored, wrong)
    assert found.finding == "inconclusive"
    assert "no better than chance" in found.reason
