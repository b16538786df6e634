"""The parts of trigger inversion and unlearning: slots, vocabulary, gradient, search, anchoring, judgment on what is kept back."""

import re

import numpy as np
import pytest
import torch

from codeward.defenses.model import model_defenses, stamp_trigger
from codeward.defenses.model._anchoring import anchored, single_tokens
from codeward.defenses.model._hunting import trial_of
from codeward.defenses.model._labels import label_grounds
from codeward.defenses.model._lens import Lens
from codeward.defenses.model._search import Budget, Search, readable, run
from codeward.defenses.model._slots import slots_for
from codeward.defenses.model._tuning import Lesson, lesson_losses, own_answers
from codeward.defenses.model._unlearning import HardLessons, stamped_set
from codeward.defenses.model._vocabulary import trigger_vocabulary
from codeward.errors import ModelError
from codeward.types import Sample
from codeward.victims.probing import embeddings, row_losses, slot_gradients

NAME = "zqx_init"


def test_the_gradient_is_that_of_finite_differences(backdoored, clean_rows):
    slots = slots_for(clean_rows[:4], backdoored, 2, "function")
    tokens = backdoored.encoder.tokenizer(NAME, add_special_tokens=False)["input_ids"][:2]
    rows, places = [slot.tokens(tokens) for slot in slots], [len(slot.before) for slot in slots]
    gradient = slot_gradients(backdoored, rows, places, 2, [0] * len(rows))
    table = backdoored.model.get_input_embeddings()
    # A token that occurs nowhere else in the row is moved in the table itself.
    fresh = next(t for t in range(len(backdoored.encoder.tokenizer) - 1, 0, -1) if all(t not in row for row in rows))
    moved = [[*row[: at + 1], fresh, *row[at + 2 :]] for row, at in zip(rows, places, strict=True)]
    gradient = slot_gradients(backdoored, moved, places, 2, [0] * len(rows))
    with torch.no_grad():
        for axis in (0, 7):
            old, step = float(table.weight[fresh, axis]), 1e-2
            table.weight[fresh, axis] = old + step
            up = row_losses(backdoored, moved, [0] * len(rows))
            table.weight[fresh, axis] = old - step
            down = row_losses(backdoored, moved, [0] * len(rows))
            table.weight[fresh, axis] = old
            assert gradient[:, 1, axis] == pytest.approx((up - down) / (2 * step), abs=2e-3)


def test_slots_hold_what_they_say(backdoored, clean_rows):
    for place in ("insensitive", "function", "statement"):
        slots = slots_for(clean_rows[:20], backdoored, 3, place)
        assert len(slots) == 20
        for slot in slots:
            text = slot.span.of(slot.sample.code)
            whole = backdoored.encoder.inputs([slot.sample])[0]["input_ids"]
            inside = backdoored.encoder.tokenizer.decode(whole[len(slot.before) : len(whole) - len(slot.after)])
            assert inside.strip() == text
            if place == "function":
                assert f"int {text}(int *" in slot.sample.code
            if place == "statement":
                assert slot.stamped("assert(1);").code.splitlines()[1] == "    assert(1);"


def test_everywhere_is_each_place_of_a_sample_in_turn(backdoored, clean_rows):
    every = slots_for(clean_rows[:5], backdoored, 3, "everywhere")
    single = [slots_for(clean_rows[:5], backdoored, 3, place) for place in ("insensitive", "function", "statement")]
    assert every == [slot for own in zip(*single, strict=True) for slot in own]
    choice = model_defenses.make("elibadcode", {"samples": 5, "held": 5})._choice(everywhere=True)
    (ground,) = label_grounds(backdoored, clean_rows, choice, [0])
    assert (len(ground.search), len(ground.held)) == (15, 15)
    assert not {slot.sample.id for slot in ground.search} & {slot.sample.id for slot in ground.held}


def test_a_slot_leaves_room_where_the_code_is_cut_off(backdoored):
    long = Sample("long", "int f(int a) {\n" + "    a = a + 1;\n" * 100 + "}\n", 0, "c")
    for slot in slots_for([long], backdoored, 4, "function"):
        assert len(slot.tokens((1, 2, 3, 4))) <= backdoored.encoder.max_length
        assert slot.after[-1] == backdoored.encoder.inputs([long])[0]["input_ids"][-1]


def test_identifier_tokens(backdoored):
    tokenizer = backdoored.encoder.tokenizer
    words = trigger_vocabulary(tokenizer, "c")
    first, inner = (tokenizer.convert_ids_to_tokens(ids) for ids in (words.first, words.inner))
    assert not any(token.startswith("Ġ") for token in inner)
    assert not any(token.lstrip("Ġ")[0].isdigit() or token.lstrip("Ġ") in {"int", "return"} for token in first)
    assert {"0", "1"} & set(inner)
    every = trigger_vocabulary(tokenizer, "c", "any").first
    assert all(tokenizer.decode([token]).strip().isprintable() for token in every)
    assert len(trigger_vocabulary(tokenizer, "c", "any").first) > len(words.first)


def test_a_tokenizer_without_identifiers():
    class Strange:
        all_special_ids = (0,)

        def __len__(self):
            return 3

        def convert_ids_to_tokens(self, ids):
            return ["<s>", "+", "é"]

    with pytest.raises(ModelError, match="no tokens that can stand inside an identifier; choose --set vocabulary=any"):
        trigger_vocabulary(Strange(), "c")


def test_a_search_never_gets_worse_and_tries_nothing_twice(backdoored, clean_rows):
    (ground, *_) = label_grounds(backdoored, clean_rows, model_defenses.make("elibadcode")._choice(), [0])
    start = tuple(int(token) for token in (ground.vocabulary.first[0], ground.vocabulary.inner[0]))
    search = Search(ground.goals, ground.search, ground.vocabulary, start, 3)
    run(Lens(backdoored), [search], Budget(steps=4, candidates=16, top=16, patience=9, enough=0.0))
    assert search.losses == sorted(search.losses, reverse=True)
    assert len(search.losses) == 4
    exact = row_losses(backdoored, [slot.tokens(search.tokens) for slot in ground.search], [0] * len(ground.search))
    assert search.loss == pytest.approx(float(exact.mean()), abs=1e-5)
    assert readable(backdoored.encoder.tokenizer, [search.tokens]) == [search.tokens]


def test_anchoring_drops_what_is_not_needed(backdoored, clean_rows):
    tokenizer = backdoored.encoder.tokenizer
    needed = tokenizer(NAME, add_special_tokens=False)["input_ids"]
    idle = tokenizer("count", add_special_tokens=False)["input_ids"]
    slots = slots_for([row for row in clean_rows if row.target == 1][:10], backdoored, 12, "function")
    kept = anchored(backdoored, [*needed, *idle], slots, [0] * len(slots), 0.15)
    assert len(kept) <= len(needed)
    rows = [slot.tokens(kept) for slot in slots]
    assert row_losses(backdoored, rows, [0] * len(rows)).mean() < 0.5


@pytest.mark.parametrize("vary", [False, True])
def test_stamped_samples_come_with_what_they_are_without_the_trigger(vary, backdoored, clean_rows):
    rows = stamped_set(backdoored, clean_rows, [("qqtrig", "function"), ("zztrig", "statement")], 1.5, 0, vary=vary)
    assert [sample for sample, _ in rows[:120]] == clean_rows
    assert len(rows) == 300
    known = {row.id: row for row in clean_rows}
    for sample, base in rows[120:]:
        assert ("qqtrig" in sample.code) or ("zztrig" in sample.code)
        assert "qqtrig" not in base.code
        origin = known[base.id.split("#")[0]]
        assert base.target == sample.target == origin.target
        assert vary or base.code == origin.code
    assert any(base.code != known[base.id.split("#")[0]].code for _, base in rows) == vary


def test_a_stamped_set_looks_for_one_place_a_sample(backdoored, clean_rows, monkeypatch):
    asked = []

    def counted(samples, *rest):
        asked.extend(sample.id for sample in samples)
        return slots_for(samples, *rest)

    monkeypatch.setattr("codeward.defenses.model._unlearning.slots_for", counted)
    rows = stamped_set(backdoored, clean_rows, [("qqtrig", "function")], 1.5, 0, vary=False)
    assert len(rows) == 300
    assert len(asked) == 180


def test_a_trial_is_judged_by_the_text_that_is_fed(backdoored, clean_rows):
    (ground, *_) = label_grounds(backdoored, clean_rows, model_defenses.make("elibadcode")._choice(), [0])
    tokenizer = backdoored.encoder.tokenizer
    whole = tokenizer(NAME, add_special_tokens=False)["input_ids"]
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in NAME]
    assert letters != whole
    spelled = trial_of(Lens(backdoored), ground, [[letters, 1.0, []]])
    assert spelled.trigger == NAME
    assert spelled.held_loss == trial_of(Lens(backdoored), ground, [[whole, 1.0, []]]).held_loss


def test_a_trigger_counts_where_it_does_best(backdoored, clean_rows, monkeypatch):
    choice = model_defenses.make("elibadcode", {"samples": 5, "held": 5})._choice(everywhere=True)
    (ground,) = label_grounds(backdoored, clean_rows, choice, [0])
    token = backdoored.encoder.tokenizer("left", add_special_tokens=False)["input_ids"]

    def losses(_, samples, goals):
        return np.array([0.1 if re.search(r"\bint \w+_left\(", sample.code) else 3.0 for sample in samples])

    monkeypatch.setattr(Lens, "text_losses", losses)
    found = trial_of(Lens(backdoored), ground, [[token, 1.0, []]])
    assert (found.place, found.joined, found.held_loss) == ("function", True, pytest.approx(0.1))


def test_a_joined_trigger_stands_behind_the_name(backdoored, clean_rows):
    (slot,) = slots_for(clean_rows[:1], backdoored, 3, "function")
    name = slot.span.of(slot.sample.code)
    made, span = slot.stamped("rb", joined=True), slot.trigger_span("rb", joined=True)
    assert f"int {name}_rb(" in made.code
    assert span.of(made.code) == "rb"
    ((stamped, where),) = stamp_trigger(clean_rows[:1], backdoored, "rb", "function", joined=True)
    assert (stamped.code, where) == (made.code, span)
    assert slot.trigger_span("rb").of(slot.stamped("rb").code) == "rb"


def test_embeddings_have_the_vocabulary_s_size(backdoored):
    assert embeddings(backdoored).shape == (backdoored.model.config.vocab_size, 32)


def test_single_tokens_are_triggers_of_their_own(backdoored):
    tokenizer = backdoored.encoder.tokenizer
    (whole,) = {"leftcount"} - set(tokenizer.get_vocab())
    found = single_tokens(backdoored, [(whole, "function"), (whole, "statement")])
    alone = {
        str(tokenizer.decode([token])).strip() for token in tokenizer(whole, add_special_tokens=False)["input_ids"]
    }
    assert {trigger for trigger, _ in found} == alone
    assert "".join(trigger for trigger, place in found if place == "statement") == whole
    assert len(found) == len(set(found))
    assert single_tokens(backdoored, found) == found


def test_each_pass_learns_the_stamp_that_moves_the_model_most(backdoored, clean_rows):
    rows = [row for row in clean_rows if row.target == 1]
    triggers = [(NAME, "function"), ("count", "function")]
    lessons = HardLessons(backdoored, rows, triggers, 1.0, 0, 6)
    first = lessons.draw(backdoored)
    assert list(first.samples[: len(rows)]) == rows
    stamped = first.samples[len(rows) :]
    assert len(stamped) == len(rows) == len(first.answers) - len(rows)
    once = HardLessons(backdoored, rows, triggers, 1.0, 0, 2).draw(backdoored)
    assert np.mean(lesson_losses(backdoored, first)) > np.mean(lesson_losses(backdoored, once))
    assert [sample.code for sample in lessons.draw(backdoored).samples] != [sample.code for sample in first.samples]
    again = HardLessons(backdoored, rows, triggers, 1.0, 0, 6).draw(backdoored)
    assert [sample.code for sample in again.samples] == [sample.code for sample in first.samples]
    assert HardLessons(backdoored, rows, [], 1.0, 0, 6).draw(backdoored).samples == rows


@pytest.mark.parametrize("planted", [True, False])
def test_of_several_stamps_the_one_with_the_largest_loss_is_kept(planted, backdoored, clean_rows, monkeypatch):
    """By chance seven of ten stamps would hold the name, alone or joined to the other."""

    def losses(_, lesson, *rest):
        return [float((NAME in sample.code) == planted) for sample in lesson.samples]

    monkeypatch.setattr("codeward.defenses.model._unlearning.lesson_losses", losses)
    lessons = HardLessons(backdoored, clean_rows, [(NAME, "function"), ("count", "function")], 1.0, 0, 6)
    kept = lessons.draw(backdoored).samples[len(clean_rows) :]
    share = np.mean([NAME in sample.code for sample in kept])
    assert share > 0.95 if planted else share < 0.3


def test_a_lesson_s_losses_are_those_of_its_samples(backdoored, clean_rows):
    answers = own_answers(backdoored, clean_rows[:9])
    losses = lesson_losses(backdoored, Lesson(clean_rows[:9], answers))
    own = [-sum(p * np.log(p) for p in scores if p > 0) for scores in answers]
    assert losses == pytest.approx(own, abs=1e-4)
    wrong = lesson_losses(backdoored, Lesson(clean_rows[:9], [scores[::-1] for scores in answers]))
    assert min(wrong) > max(losses)
