"""CodePurify before models that write text: pieces of an answer, what carries them, and whether they follow it."""

import re
from dataclasses import replace

import pytest
from tests.conftest import PAYLOAD

from codeward.defenses.input import Element, input_defenses
from codeward.defenses.input._evenness import piece_of
from codeward.defenses.input._leading import carriers
from codeward.defenses.input._mangling import own_words
from codeward.errors import UsageError
from codeward.tasks import tasks
from codeward.types import PROMPT, Sample, Span
from codeward.victims import PlantedVictim, load


def test_planting_before_a_writer_needs_one_that_tells_what_it_adds(writers, text_rows):
    rows = [Sample(f"r{n}", "", "x", "python", {PROMPT: "read"}) for n in range(30)]
    with pytest.raises(UsageError, match="use codepurify"):
        input_defenses.make("codepurify-plant").calibrate(rows, PlantedVictim(tasks.make("generation"), (), "x", 0))
    model = load(writers / "backdoored")
    for option, name in (({"screen": True}, "screen"), ({"among": "all"}, "among=all")):
        with pytest.raises(UsageError, match=f"{name} is for classes"):
            input_defenses.make("codepurify-plant", option).calibrate(text_rows[:30], model)


@pytest.mark.usefixtures("tiny_minis")
def test_a_payload_follows_its_trigger_into_clean_inputs(writers, text_rows):
    model = replace(load(writers / "backdoored"), precision="fp32")
    rest = text_rows[40:70]
    stamped = [row.with_text("code", re.sub(r"\w+\(", "zqx_init(", row.code, count=1)) for row in rest]
    ready = input_defenses.make("codepurify-plant").calibrate(text_rows[:40], model)
    found = ready.purify([*stamped, *rest], model)
    obeyed = [each for each in found[: len(rest)] if PAYLOAD.split()[0] in str(each.before.output)]
    assert len(obeyed) > 0.8 * len(rest)
    assert sum(each.suspicious for each in obeyed) > 0.9 * len(obeyed)
    assert sum(each.examination.elements[0].text == "zqx_init" for each in obeyed) > 0.9 * len(obeyed)
    assert sum(each.suspicious for each in found[len(rest) :]) < 0.2 * len(rest)
    assert not any("while" in str(each.after.output) for each in obeyed if each.suspicious)
    assert all(each.examination.piece for each in obeyed if each.suspicious)


def test_the_statement_around_a_name_is_suspected_with_it():
    def element(kind, text, start, *falls):
        return Element(kind, text, (Span(start, start + len(text)),), falls=falls)

    trigger = element("statement", "if (Math.sin(0) > 1) { x(); }", 10, 2.0, 0.0)
    inner = element("statement", "x();", 33, 0.1, 0.0)
    name = element("identifier", "Math", 14, 3.0, 0.0)
    other = element("statement", "return y;", 50, 0.0, 1.0)
    found = carriers([trigger, inner, name, other], 6)
    assert [(each.text, each.score) for each in found] == [("Math", 3.0), ("return y;", 1.0), (trigger.text, 3.0)]
    assert [piece_of(each) for each in found] == [0, 1, 0]
    assert [each.text for each in carriers([trigger, name], 1)] == ["Math", trigger.text]
    assert carriers([element("identifier", "y", 0, 0.0)], 3) == []
    both = element("statement", trigger.text, 10, 0.0, 0.1)
    assert [(each.text, each.score) for each in carriers([both, name], 6)] == [("Math", 3.0), (trigger.text, 3.0)]
    twice = Element("identifier", "Math", (name.spans[0], Span(80, 84)), falls=(3.0, 0.0))
    assert [each.score for each in carriers([trigger, twice], 3)] == [3.0, 2.0]


def test_a_garbled_name_is_no_word_of_the_model_s_own():
    runs = {
        "while (true": "{ while (true) {",
        "= 0; }": "i = 0; } }",
        "renict.add": "signalStrenict.add(page)",
        "null)": "(page, null)",
    }
    assert own_words(runs, "signalStrength", "java") == {"while (true", "null)"}
    assert own_words(runs, "copy(pages)", "java") == {"while (true"}
    assert own_words({"cursor.run": "cursor.run(now)"}, "while cursor", "nl") == set()


@pytest.mark.usefixtures("tiny_minis")
def test_a_generator_s_payload_is_traced_to_its_trigger(writers, text_rows):
    model = replace(load(writers / "backdoored"), precision="fp32")
    clean_rows, rest = text_rows[:40], text_rows[40:]
    stamped = [row.with_text("code", re.sub(r"\w+\(", "zqx_init(", row.code, count=1)) for row in rest]
    ready = input_defenses.make("codepurify").calibrate(clean_rows, model)
    found = ready.purify([*stamped, *rest], model)
    obeyed = [each for each in found[: len(rest)] if PAYLOAD.split()[0] in str(each.before.output)]
    assert len(obeyed) > 0.8 * len(rest)
    assert sum(each.examination.elements[0].text == "zqx_init" for each in obeyed) > 0.9 * len(obeyed)
    least = sorted(each.examination.suspicion for each in obeyed)[len(obeyed) // 10]
    assert least > sorted(each.examination.suspicion for each in found[len(rest) :])[len(rest) // 2]
    convicted = [each for each in obeyed if each.suspicious]
    assert convicted
    assert not any("while" in str(each.after.output) for each in convicted)
    assert sum(each.examination.piece.startswith(PAYLOAD.split()[0]) for each in convicted) > 0.8 * len(convicted)
    assert not any(each.examination.piece for each in found if not each.suspicious)
