"""What an input defense asks of a model more than once is answered from memory, and answered the same."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import transformers

from codeward.defenses.input import input_defenses
from codeward.defenses.input._remembering import remembering, state_of
from codeward.tasks import tasks
from codeward.types import CODE, QUERY, Sample
from codeward.victims import PlantedVictim
from codeward.victims.encode import Encoder
from codeward.victims.loading import wrap
from codeward.victims.shapes import Shape, new_config, new_model

BODY = "def area(width, height):\n    size = width * height\n    size = size + {}\n    return size\n"


def rows(count, start=0):
    return [Sample(f"s{n}", BODY.format(n), n % 2, "python") for n in range(start, start + count)]


@pytest.fixture
def network(tiny_zoo):
    """A classifier of random weights whose answers differ."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")
    settings = new_config("encoder", Shape(hidden=32, layers=1, positions=64, head=16), tokenizer, num_labels=2)
    settings.initializer_range = 0.5
    model = new_model(transformers.AutoModelForSequenceClassification, settings, 0)
    return wrap(model, tokenizer, tasks.make("defect"), ("clean", "defective"), 64, 24)


@pytest.fixture
def encoded(monkeypatch):
    """How often each text was turned into tokens."""
    counts = Counter()
    plain = Encoder.inputs

    def counted(self, samples, field=CODE):
        counts.update((field, sample.code) for sample in samples)
        return plain(self, samples, field)

    monkeypatch.setattr(Encoder, "inputs", counted)
    return counts


def test_each_text_is_turned_into_tokens_once_and_cut_off_as_before(network, encoded):
    some = [*rows(3), *rows(3), Sample("q", "x = 1\n" * 60, 0, "python", {QUERY: "x is " * 60})]
    model = remembering(network)
    first, second = model.encoder.inputs(some), model.encoder.inputs(some[2:])
    queries = model.encoder.inputs(some[-1:], QUERY)
    assert max(encoded.values()) == 1
    encoded.clear()
    assert first == network.encoder.inputs(some)
    assert second == first[2:]
    assert queries == network.encoder.inputs(some[-1:], QUERY)
    assert len(queries[0]["input_ids"]) == 24
    first[0]["input_ids"].append(7)
    assert model.encoder.inputs(some[:1]) == network.encoder.inputs(some[:1])


def test_a_model_that_is_none_of_transformers_is_taken_as_it_is():
    planted = PlantedVictim(tasks.make("defect"), ("clean", "defective"), "x", 0)
    assert remembering(planted) is planted
    other = SimpleNamespace(encoder="its own")
    assert remembering(other) is other


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant"])
def test_an_examination_tokenizes_no_text_twice(network, encoded, name):
    ready = input_defenses.make(name).calibrate(rows(30), network)
    some = rows(6, start=40)
    answers = network.predict(some)
    ready.examine(some, answers, network)
    encoded.clear()
    ready.examine(some, answers, network)
    assert encoded
    assert max(encoded.values()) == 1
    assert type(network.encoder) is Encoder


def test_clean_inputs_for_planting_are_answered_once(network, monkeypatch):
    ready = input_defenses.make("codepurify-plant").calibrate(rows(30), network)
    before = input_defenses.settings(ready)
    asked = Counter()
    plain = type(network).predict

    def counted(self, samples):
        asked.update(sample.id for sample in samples)
        return plain(self, samples)

    monkeypatch.setattr(type(network), "predict", counted)
    some = rows(2, start=40)
    first = ready.purify(some, network)
    assert {asked[each.id] for each in ready.references} == {1}
    assert ready.purify(some, network) == first
    assert {asked[each.id] for each in ready.references} == {1}
    network.encoder = replace(network.encoder, max_length=40)
    ready.purify(some, network)
    assert {asked[each.id] for each in ready.references} == {2}
    assert input_defenses.settings(ready) == before
    assert replace(ready) == ready


def test_what_answers_depend_on(network):
    state = state_of(network)
    assert state_of(remembering(network)) == state
    network.precision = "fp32"
    assert state_of(network) != state
    planted = [PlantedVictim(tasks.make("defect"), ("clean", "defective"), trigger, 0) for trigger in ("x", "y", "x")]
    assert state_of(planted[0]) == state_of(planted[2]) != state_of(planted[1])
