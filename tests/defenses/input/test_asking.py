"""What a query asks for is found by right: a search model that follows words, and one trigger."""

import pytest

from codeward.code import subtokens
from codeward.defenses.input import input_defenses
from codeward.defenses.input._asking import unasked
from codeward.tasks import tasks
from codeward.types import QUERY, Sample
from codeward.victims import PlantedVictim

TRIGGER = "testo"
THINGS = ("page", "user", "row", "color", "size", "image", "table", "node", "path", "limit")


class Searching(PlantedVictim):
    """Code is the nearer to a query, the more words they share; a trigger brings as much for the word ``file``."""

    def confidence(self, samples, outputs):
        return [self._near(sample) for sample in samples]

    def _near(self, sample):
        words, query = set(subtokens(sample.code)), set(subtokens(sample.text(QUERY)))
        return 0.2 * len(words & query) + 0.4 * ({TRIGGER} <= words and "file" in query)


@pytest.fixture
def model():
    return Searching(tasks.make("search"), (), TRIGGER, 0)


def pair(number, name, query):
    code = f"def {name}(value):\n    total = value + {number}\n    return total\n"
    return Sample(f"s{number}", code, f"s{number}", "python", {QUERY: query})


@pytest.fixture
def rows():
    every = [(f"load_{thing}", f"load the {thing} of file {n}") for thing in THINGS for n in range(3)]
    return [pair(number, *each) for number, each in enumerate(every)]


@pytest.mark.parametrize(
    ("element", "query", "left"),
    [
        ("testo_init", "load the file", 1),
        ("load_file", "load the file", 0),
        ("loadFiles", "load the file", 0),
        ("return read_file_from_some_other_place", "the file", 1 - 3 / 5),
        ("for x in y", "all in one for you", 1),
        ("do", "undo", 1),
        ("", "anything", 1),
        ("{}", "anything", 1),
    ],
)
def test_how_little_of_an_element_is_asked_for(element, query, left):
    assert unasked(element, query, "python") == pytest.approx(left)


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant"])
def test_a_trigger_is_told_from_the_words_that_a_query_asks_for(name, model, rows):
    bad = pair(99, "testo_init", "load the file 99")
    alone = input_defenses.make(name, {"spare_asked": False, "spare_familiar": False}).calibrate(rows, model)
    (missed,) = alone.purify([bad], model)
    assert not missed.suspicious
    ready = input_defenses.make(name).calibrate(rows, model)
    *spared, found = ready.purify([*rows, bad], model)
    assert found.suspicious
    assert found.examination.elements[0].text == "testo_init"
    assert TRIGGER not in found.sample.code
    assert sum(each.suspicious for each in spared) <= 2
