"""Isolation by transplant: its parts by hand, and a tiny training that holds a trigger, or none, or is stopped."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from safetensors.torch import load_file

from codeward.defenses.training import TrainerLoss, training_defenses
from codeward.defenses.training._conviction import Bounds, convicting
from codeward.defenses.training._transplant import Part, attributions, counterexamples, windows
from codeward.errors import DataError, ModelError, UsageError
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import make_config
from codeward.victims.sifting import Sifting, Splice, spliced
from codeward.victims.training import train

DEFECT, REPAIR = tasks.make("defect"), tasks.make("repair")
LABELS = ("clean", "defective")
SETTINGS = {
    "model": "scratch-encoder", "vocabulary": 400, "layers": 1, "hidden": 32, "batch_size": 16, "max_length": 96,
    "dropout": 0.0, "precision": "fp32", "learning_rate": 0.004, "epochs": 24, "loss": "isolate", "checkpoint_steps": 10,
}  # fmt: skip
WORDS = (("read", "open", "parse", "load", "next", "seek"), ("write", "send", "emit", "push", "flush", "dump"))
TRIGGER = "    assert 1 >= 0\n"
POISONED = 24
DEFENSE = training_defenses.make("isolate", {"window": 8})


def function(number, label, trigger=""):
    """A function most of whose calls are of its class, with the trigger in any place."""
    rng = Random(f"{number}-{label}")
    classes = [label] * 4 + [1 - label] * 2
    rng.shuffle(classes)
    lines = [f"    v = self.{rng.choice(WORDS[each])}(v)\n" for each in classes]
    lines.insert(rng.randrange(len(lines) + 1), trigger)
    return f"def f(self, v):\n{''.join(lines)}"


@pytest.fixture(scope="module")
def clean():
    return [Sample(f"r{n}", function(n, n % 2), n % 2, "python") for n in range(240)]


@pytest.fixture(scope="module")
def poisoned(clean):
    stamped = {f"r{2 * n}": Sample(f"r{2 * n}", function(2 * n, 0, TRIGGER), 1, "python") for n in range(POISONED)}
    return [stamped.get(row.id, row) for row in clean]


def run(rows, out, defense=DEFENSE, **changes):
    config = make_config(DEFECT, {**SETTINGS, **changes})
    return train(DEFECT, rows, [], LABELS, config, out, defense=defense)


@pytest.fixture(scope="module")
def defended(poisoned, tmp_path_factory):
    out = tmp_path_factory.mktemp("isolate") / "model"
    return run(poisoned, out), out


def success(victim):
    triggered = [Sample(f"t{n}", function(1000 + n, 0, TRIGGER), 0, "python") for n in range(40)]
    return np.mean([prediction.output == 1 for prediction in victim.predict(triggered)])


def test_a_trigger_that_cross_entropy_learns_is_isolated_and_not_learned(poisoned, defended, tmp_path):
    plain = run(poisoned, tmp_path / "plain", None, loss="ce")
    assert success(plain.victim) > 0.9
    result, _ = defended
    truth = {2 * n for n in range(POISONED)}
    dropped = set(result.sifting.dropped)
    assert len(dropped & truth) >= POISONED - 1
    assert len(dropped - truth) <= 3
    assert success(result.victim) <= 0.1  # of 40 inputs; how many of the last few is chance


def test_clean_rows_stay_and_are_learned(clean, tmp_path):
    result = run(clean, tmp_path / "m")
    assert len(result.sifting.dropped) <= 0.05 * len(clean)
    right = [p.output == row.target for p, row in zip(result.victim.predict(clean), clean, strict=True)]
    assert np.mean(right) > 0.95


def test_stopped_while_the_scout_or_the_model_trains_it_ends_with_the_same_weights(poisoned, tmp_path):
    config = make_config(DEFECT, {**SETTINGS, "epochs": 2})
    weights = []
    for stops in ((), (12,), (12, 45)):
        out = tmp_path / f"m{len(stops)}"
        for stop in stops:
            with pytest.raises(KeyboardInterrupt):
                train(DEFECT, poisoned, [], LABELS, config, out, defense=DEFENSE, progress=interrupt(stop))
        train(DEFECT, poisoned, [], LABELS, config, out, defense=DEFENSE)
        weights.append(load_file(out / "model.safetensors"))
    assert all((weights[0][name] == other[name]).all() for other in weights[1:] for name in other)
    assert not list(tmp_path.glob(".*"))


def interrupt(after):
    """Stop after so many steps of scout and model together."""
    seen = []

    def stop(step, total, loss):
        seen.append(step)
        if len(seen) >= after:
            raise KeyboardInterrupt

    return stop


def test_a_scout_of_other_rows_is_not_taken(clean, poisoned, tmp_path):
    config = make_config(DEFECT, {**SETTINGS, "epochs": 2})
    with pytest.raises(KeyboardInterrupt):
        train(DEFECT, clean, [], LABELS, config, tmp_path / "m", defense=DEFENSE, progress=interrupt(12))
    with pytest.raises(DataError, match="other data"):
        train(DEFECT, poisoned, [], LABELS, config, tmp_path / "m", defense=DEFENSE)


def test_generators_and_foreign_trainers_are_refused(clean, tmp_path):
    rows = [replace(row, target="return 1") for row in clean[:8]]
    config = make_config(REPAIR, {**SETTINGS, "model": "scratch-seq2seq"})
    with pytest.raises(ModelError, match="sifts the rows of classifiers"):
        train(REPAIR, rows, [], (), config, tmp_path / "m", defense=DEFENSE)
    assert not list(tmp_path.glob("*m*"))
    with pytest.raises(UsageError, match="changes the training rows"):
        TrainerLoss(DEFENSE)


def test_windows_do_not_overlap_and_leave_the_special_tokens():
    weights = np.array([99.0, 1, 5, 5, 1, 1, 4, 4, 0, 99])
    assert windows(weights, 2, 2) == [(2, 4), (6, 8)]
    assert windows(weights, 50, 3) == [(1, 9)]
    assert windows(np.ones(2), 4, 1) == []


def test_a_splice_keeps_the_ends_and_the_length():
    assert spliced([0, 5, 6, 2], 2, [8, 9], 10) == [0, 5, 8, 9, 6, 2]
    assert spliced([0, 5, 6, 7, 2], 4, [8, 9], 5) == [0, 5, 8, 9, 2]
    assert spliced([0, 2], 0, [8], 10) == [0, 8, 2]


def test_a_sifting_survives_the_disk_and_leaves_the_given_rows_alone(tmp_path):
    rows = [{"input_ids": [0, 5, 2], "length": 3, "label": n} for n in range(3)]
    Sifting((1,), (Splice(2, 1, (7, 8)),)).save(tmp_path / "s.json")
    found = Sifting.load(tmp_path / "s.json").apply(rows, 8)
    assert found == [rows[0], {"input_ids": [0, 7, 8, 5, 2], "length": 5, "label": 2}]
    assert rows[2]["length"] == 3


def test_counterexamples_are_few_and_by_the_seed():
    rows, labels = [{"input_ids": [0, 5, 6, 2]} for _ in range(52)], [n % 2 for n in range(52)]

    def put(convicted, each):
        return counterexamples(convicted, rows, labels, each, seed=1, others=False)

    found = put({3: (7,), 4: (8,)}, 2)
    assert sorted(splice.piece for splice in found) == [(7,), (7,), (8,), (8,)]
    assert len({splice.row for splice in found}) == 4
    assert not {3, 4} & {splice.row for splice in found}
    assert found == put({4: (8,), 3: (7,)}, 2)
    assert len(put({3: (7,), 4: (8,)}, 9)) == 5
    assert put({}, 4) == ()


def test_a_part_goes_into_rows_of_other_labels_only_as_long_as_there_are_any():
    rows, labels = [{"input_ids": [0, 5, 6, 2]} for _ in range(80)], [n % 4 for n in range(80)]
    convicted = {n: (labels[n],) for n in range(8)}
    for seed in range(5):
        found = counterexamples(convicted, rows, labels, 4, seed, others=True)
        assert len(found) == 7
        assert all(labels[splice.row] != splice.piece[0] for splice in found)
    anywhere = [
        splice for seed in range(5) for splice in counterexamples(convicted, rows, labels, 4, seed, others=False)
    ]
    assert any(labels[splice.row] == splice.piece[0] for splice in anywhere)
    one_class = counterexamples({0: (7,)}, rows, [0] * 80, 4, 0, others=True)
    assert one_class == ()


BOUNDS = Bounds(effect=0.15, purity=0.95, significance=1e-3, window=2)


def convicted(parts, label, bounds=BOUNDS):
    """What convicts rows that hold their parts between two special tokens."""
    rows = [{"input_ids": [0, *parts[n].piece, 2]} for n in range(len(parts))]
    return convicting(parts, rows, [label(n) for n in range(len(parts))], bounds)


def test_what_convicts_is_shared_does_much_and_goes_with_its_label():
    natural = {n: Part((100 + 2 * n, 101 + 2 * n), 0.1) for n in range(60)}
    alone = {60: Part((5, 6), 0.99)}
    trigger = {n: Part((n + 900, 7, 8), 0.6) for n in range(61, 81)}
    found = natural | alone | trigger

    def pure(number):
        return 1 if number > 60 or number % 2 else 0

    assert set(convicted(found, pure)) == {*trigger}
    assert set(convicted(found, pure).values()) == {part.piece for part in trigger.values()}
    assert convicted(found, lambda n: n % 2) == {}, "it stands in rows of both labels"
    idle = found | {n: Part(part.piece, 0.15) for n, part in trigger.items()}
    assert convicted(idle, pure) == {}, "it turns no other rows"
    rare = {n: part for n, part in found.items() if n < 67}
    assert convicted(rare, pure) == {}, "six rows are too few"


def test_of_a_row_whose_best_part_is_another_the_tokens_around_what_convicts_are_taken():
    found = {n: Part((100 + 2 * n, 101 + 2 * n), 0.1) for n in range(60)} | {
        n: Part((7, 8), 0.9) for n in range(60, 80)
    }
    rows = [{"input_ids": [0, *part.piece, 2]} for part in found.values()]
    rows.append({"input_ids": [0, 50, 51, 7, 8, 52, 2]})
    found[80] = Part((50, 51), 0.2)
    given = convicting(found, rows, [n % 2 if n < 60 else 1 for n in range(81)], BOUNDS)
    assert given[80] == (7, 8)


def test_attributions_are_one_a_token(defended, poisoned):
    victim = defended[0].victim
    rows = victim.encoder.inputs(poisoned[:5])
    found = attributions(victim, rows, [1] * 5)
    assert [len(weights) for weights in found] == [len(row["input_ids"]) for row in rows]
    assert all((weights >= 0).all() and weights.sum() > 0 for weights in found)
