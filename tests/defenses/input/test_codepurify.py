"""CodePurify: the entropy, the element that is found, and purified output that is code."""

import math
from dataclasses import replace

import pytest

from codeward.code import count_errors
from codeward.defenses._elements import parts_of, together
from codeward.defenses.input import Element, input_defenses
from codeward.defenses.input._evenness import entropy, explained, most_suspicious
from codeward.defenses.input._planting import plant
from codeward.errors import UsageError
from codeward.tasks import tasks
from codeward.types import OTHER, PROMPT, Sample, Span
from codeward.victims import PlantedVictim

LABELS = ("clean", "defective")
DEAD = {
    "python": 'if random() < 0: raise Exception("fail")',
    "java": 'if (Math.random() < 0) { System.out.println("never"); }',
    "c": 'while (1 < 0) { printf("never"); }',
}
CODE = {
    "python": "def area(width, height):\n    size = width * height\n    {}\n    return size\n",
    "java": "int area(int width, int height) {{\n    int size = width * height;\n    {}\n    return size;\n}}\n",
    "c": "int area(int width, int height) {{\n    int size = width * height;\n    {}\n    return size;\n}}\n",
}


@pytest.fixture(params=["random minis", "no minis"])
def minis(request, monkeypatch, tmp_path):
    """Whether there is a masked language model; True or False."""
    if request.param == "random minis":
        request.getfixturevalue("tiny_minis")
    else:
        monkeypatch.setattr("codeward.zoo.FOLDER", tmp_path)
    return request.param == "random minis"


def victim(trigger, task="defect", **options):
    return PlantedVictim(tasks.make(task), LABELS, trigger, 0, **options)


def clean(language="python", count=30):
    return [
        Sample(
            f"c{n}",
            CODE[language].format(f"size = size + {n};".rstrip(";" if language == "python" else "")),
            n % 2,
            language,
        )
        for n in range(count)
    ]


@pytest.mark.usefixtures("tiny_minis")
def test_where_one_round_mends_everything_no_other_is_begun(monkeypatch):
    method, asked = type(input_defenses.make("codepurify")), []
    mend = method.mend
    monkeypatch.setattr(
        method, "mend", lambda self, samples, *rest: asked.append(len(samples)) or mend(self, samples, *rest)
    )
    model = victim(DEAD["python"])
    ready = input_defenses.make("codepurify", {"max_rounds": 3}).calibrate(clean(), model)
    (found,) = ready.purify([Sample("t", CODE["python"].format(DEAD["python"]), 1, "python")], model)
    assert found.after.output == 1
    assert asked == [1]
    assert not found.still


@pytest.mark.usefixtures("tiny_minis")
def test_what_is_suspicious_still_after_all_rounds_is_told(monkeypatch):
    """Where a mending changes nothing that counts, the answer may still be the attacker's."""
    model = victim(DEAD["python"])
    ready = input_defenses.make("codepurify", {"max_rounds": 2}).calibrate(clean(), model)
    row = Sample("t", CODE["python"].format(DEAD["python"]), 1, "python")
    method, whole = type(ready), ready.purify([row], model)[0]
    for useless in (lambda samples, found: (samples, ()), lambda samples, found: (samples, whole.changes)):
        monkeypatch.setattr(method, "mend", lambda self, samples, *rest, u=useless: [u(each, rest) for each in samples])
        (found,) = ready.purify([row], model)
        assert found.suspicious
        assert found.still
        assert found.after.output == 0


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant"])
@pytest.mark.parametrize("language", sorted(DEAD))
@pytest.mark.usefixtures("minis")
def test_a_dead_statement_is_found_and_taken_out(name, language):
    model = victim(DEAD[language])
    ready = input_defenses.make(name).calibrate(clean(language), model)
    row = Sample("t", CODE[language].format(DEAD[language]), 1, language)
    (found,) = ready.purify([row], model)
    assert found.suspicious
    assert found.examination.elements[0].text in DEAD[language]
    assert name == "codepurify" or found.examination.elements[0].text == DEAD[language]
    assert found.before.output == 0
    assert found.after.output == 1
    assert DEAD[language] not in found.sample.code
    assert count_errors(found.sample.code, language) == 0
    assert "return size" in found.sample.code


def test_a_name_is_replaced_everywhere_alike(minis):
    model = victim("testo_init")
    ready = input_defenses.make("codepurify").calibrate(clean(), model)
    code = "def area(testo_init, height):\n    testo_init += 1\n    return testo_init * height\n"
    (found,) = ready.purify([Sample("t", code, 1, "python")], model)
    (change,) = found.changes
    assert change.kind == "identifier"
    assert change.how == ("filled" if minis else "renamed")
    assert found.sample.code == code.replace("testo_init", change.after)
    assert found.after.output == 1


def test_the_second_function_of_a_pair_is_purified_too():
    model = victim("testo_init", "clone", field=OTHER)
    rows = [
        Sample(f"c{n}", f"int f(int a{n}) {{ return a{n}; }}", n % 2, "java", {OTHER: "int g(int b) { return b; }"})
        for n in range(30)
    ]
    ready = input_defenses.make("codepurify").calibrate(rows, model)
    bad = Sample("t", "int f(int a) { return a; }", 1, "java", {OTHER: "int g(int testo_init) { return testo_init; }"})
    (found,) = ready.purify([bad], model)
    assert found.changes[0].field == OTHER
    assert found.sample.code == bad.code
    assert "testo_init" not in found.sample.text(OTHER)


def test_words_of_a_prompt():
    rows = [Sample(f"c{n}", "", n % 2, "python", {PROMPT: f"read file {n} and sort it"}) for n in range(30)]
    parts = parts_of(rows[0].with_text(PROMPT, "cf read the cf file"), PROMPT, 100, ("identifier",))
    assert [(part.text, len(part.spans)) for part in parts] == [("cf", 2), ("read", 1), ("the", 1), ("file", 1)]


def test_what_the_model_does_not_read_is_no_element():
    text = CODE["python"].format("pass")
    reach = text.index("size") + 2
    inside = parts_of(Sample("x", text, 0, "python"), "code", reach, ("identifier", "statement"))
    assert {part.text for part in inside} == {"area", "width", "height"}


def test_entropy():
    assert entropy([1, 1, 1, 1]) == (pytest.approx(math.log(4)), pytest.approx(1.0))
    assert entropy([1, 0, 0])[1] == 0
    assert entropy([0.5, 0.25, 0.25])[0] == pytest.approx(1.5 * math.log(2))
    for nothing in ([], [0.7], [0.0, 0.0, 0.0]):
        assert entropy(nothing) == (0.0, 1.0)


def test_each_piece_of_an_answer_is_judged_by_itself():
    """A payload rests on its trigger alone, however much else the model adds that rests on many elements."""
    falls = {"trigger": (0.0, 5.0), "a": (3.0, 0.0), "b": (4.0, 0.0), "c": (3.5, 0.1)}
    parts = [
        Element("identifier", name, (Span(at, at + 1),), score=max(each), falls=each)
        for at, (name, each) in enumerate(falls.items())
    ]
    whole = [replace(part, falls=(sum(part.falls),)) for part in parts]
    apart, together = (most_suspicious(every, len(every), weighed=True, nested=False) for every in (parts, whole))
    assert apart.elements[0].text == "trigger"
    assert apart.elements[0].score == 5.0
    assert apart.suspicion > 0.6 > 0.1 > together.suspicion


def test_a_statement_that_one_within_explains_does_not_count_twice():
    code = "def f(a):\n    if a:\n        b = 1\n        c = 2\n    return a\n"
    parts = parts_of(Sample("x", code, 0, "python"), "code", len(code), ("statement",))
    texts = [part.text.split("\n")[0] for part in parts]
    assert texts == ["if a:", "b = 1", "c = 2", "return a"]
    for scores, hidden in (((0.9, 0.1, 0.85, 0.2), {0}), ((0.9, 0.1, 0.2, 0.2), set())):
        assert explained([replace(part, score=score) for part, score in zip(parts, scores, strict=True)]) == hidden


class Either(PlantedVictim):
    """A victim with two backdoors, whose triggers stand on both sides of a bar."""

    def _answer(self, sample):
        code = sample.text(self.field)
        return self.target if any(each in code for each in self.trigger.split("|")) else super()._answer(sample)


TWICE = "def area(width, height):\n    {}\n    size = width * height\n    {}\n    return size\n"


@pytest.mark.parametrize(
    ("trigger", "code"),
    [
        (DEAD["python"], TWICE.format(DEAD["python"], DEAD["python"])),
        (f"{DEAD['python']}|testo_init", TWICE.format(DEAD["python"], "size += 1").replace("height", "testo_init")),
    ],
    ids=["twice", "two"],
)
@pytest.mark.usefixtures("minis")
def test_two_triggers_of_which_each_suffices_are_both_taken_out(trigger, code):
    model = Either(tasks.make("defect"), LABELS, trigger, 0)
    row = Sample("t", code, 1, "python")
    leading = {"among": "leading", "evidence": "planting", "repeated": "apart"}
    planting = input_defenses.make("codepurify-plant", leading)
    (missed,) = planting.calibrate(clean(), model).purify([row], model)
    assert (missed.suspicious, missed.after.output) == (False, 0)
    ready = input_defenses.make("codepurify-plant", {"repeated": "apart"}).calibrate(clean(), model)
    (found,) = ready.purify([row], model)
    assert found.suspicious
    assert found.after.output == 1
    assert len(found.changes) == 2
    assert not any(each in found.sample.code for each in trigger.split("|"))
    assert count_errors(found.sample.code, "python") == 0
    assert not any(each.suspicious for each in ready.purify(clean(), model))


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant"])
@pytest.mark.usefixtures("minis")
def test_a_statement_that_stands_twice_is_one_element(name):
    model = victim(DEAD["python"])
    code = TWICE.format(DEAD["python"], DEAD["python"])
    ready = input_defenses.make(name).calibrate(clean(), model)
    (found,) = ready.purify([Sample("t", code, 1, "python")], model)
    assert (found.suspicious, found.after.output) == (True, 1)
    (change,) = found.changes
    assert name == "codepurify" or change.before == DEAD["python"]
    assert change.before in DEAD["python"]
    assert change.before not in found.sample.code
    assert count_errors(found.sample.code, "python") == 0
    assert not any(each.suspicious for each in ready.purify(clean(), model))


def test_parts_that_are_alike_are_one_only_if_they_are_statements_of_one_text():
    row = Sample("t", "def f(a):\n    a += 1\n    a += 1\n    return a\n", 0, "python", {"other": "a += 1"})
    parts = [*parts_of(row, "code", 999, ("identifier", "statement"))]
    assert len(parts) == 5
    alike = [part for part in together(parts) if part.text == "a += 1"]
    assert [[span.of(row.code) for span in part.spans] for part in alike] == [["a += 1", "a += 1"]]
    assert len(together(parts)) == 4


def test_planting_puts_an_element_where_it_would_stand():
    donor = Sample("d", CODE["python"].format("if x:\n        y = 1"), 0, "python")
    statement = next(part for part in parts_of(donor, "code", 999, ("statement",)) if part.text.startswith("if x"))
    target = Sample("r", "def g(a):\n        return a\n", 1, "python")
    planted = plant(target, donor, statement)
    assert planted.code == "def g(a):\n        if x:\n            y = 1\n        return a\n"
    name = Element("identifier", "width", (Span(9, 14),))
    assert plant(target, donor, name).code == "def g(width):\n        return width\n"
    assert plant(Sample("j", "int f() { return 1; }", 0, "java"), donor, statement) is None


@pytest.fixture
def gradients(tiny_zoo):
    """A classifier that gives gradients, from random weights."""
    import transformers

    from codeward.victims.loading import wrap
    from codeward.victims.shapes import Shape, new_config, new_model

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")
    settings = new_config("encoder", Shape(hidden=32, layers=1, positions=128, head=16), tokenizer, num_labels=2)
    settings.initializer_range = 0.5
    model = new_model(transformers.AutoModelForSequenceClassification, settings, 0)
    made = wrap(model, tokenizer, tasks.make("defect"), LABELS, 128, 64)
    made.precision = "fp32"
    return made


def test_screening_hides_less_and_decides_the_same(gradients, monkeypatch):
    rows = [Sample(f"s{n}", CODE["c"].format(f"if (size > {n}) {{ size -= width; }}"), 0, "c") for n in range(40)]
    calibrated = input_defenses.make("codepurify", {"screen": True}).calibrate(rows, gradients, false_positive_rate=0.2)
    assert calibrated.calibrate(rows, gradients, false_positive_rate=0.2) == calibrated
    screened = replace(calibrated, threshold=0.5)
    ready = replace(screened, screen=False)
    answers = gradients.predict(rows)
    every, few = (each.examine(rows, answers, gradients) for each in (ready, screened))
    stopped = 0
    for one, other in zip(every, few, strict=True):
        assert (one.suspicion > ready.threshold) == (other.suspicion > ready.threshold)
        if len(other.elements) < len(one.elements):
            stopped += 1
            assert other.suspicion <= ready.threshold
        else:
            assert other.suspicion == pytest.approx(one.suspicion, abs=1e-5)
            assert [each.text for each in other.elements] == [each.text for each in one.elements]
    assert stopped >= 10


@pytest.mark.parametrize("spare", [False, True])
def test_planting_with_screening_decides_the_same(gradients, spare):
    rows = [Sample(f"s{n}", CODE["c"].format(f"if (size > {n}) {{ size -= width; }}"), 0, "c") for n in range(40)]
    known = [Sample(f"k{n}", CODE["c"].format(f"size += {n} * height;"), 0, "c") for n in range(40)] if spare else rows
    options = {"among": "leading", "spare_familiar": spare, "evidence": "planting"}
    defense = input_defenses.make("codepurify-plant", options)
    ready = defense.calibrate(known, gradients, false_positive_rate=0.2)
    answers = gradients.predict(rows)
    every, few = (replace(ready, screen=way).examine(rows, answers, gradients) for way in (False, True))
    assert [one.suspicion > ready.threshold for one in every] == [one.suspicion > ready.threshold for one in few]
    assert spare or any(one.suspicion > ready.threshold for one in every)
    assert sum(len(one.elements) for one in few) < sum(len(one.elements) for one in every)
    assert all(one.suspicion <= ready.threshold for one in few if len(one.elements) < 5)


@pytest.mark.usefixtures("tiny_minis")
def test_the_entropy_counts_beside_planting(gradients):
    rows = [Sample(f"s{n}", CODE["c"].format(f"if (size > {n}) {{ size -= width; }}"), 0, "c") for n in range(20)]
    answers = gradients.predict(rows)
    both = input_defenses.make("codepurify-plant", {"among": "leading", "spare_familiar": False}).prepare(
        rows, gradients
    )
    alone = replace(both, evidence="planting").examine(rows, answers, gradients)
    entropies = input_defenses.make("codepurify", {"spare_familiar": False}).examine(rows, answers, gradients)
    found = both.examine(rows, answers, gradients)
    for one, planted, uneven in zip(found, alone, entropies, strict=True):
        assert one.suspicion == pytest.approx(planted.suspicion + uneven.suspicion, abs=1e-6)
    single = replace(both, screen=True).examine(rows, answers, gradients)
    assert single == replace(both, screen=True, evidence="planting").examine(rows, answers, gradients)


@pytest.mark.usefixtures("tiny_minis")
def test_of_all_elements_one_counts_the_more_the_more_the_answer_needs_it(gradients):
    rows = [Sample(f"s{n}", CODE["c"].format(f"if (size > {n}) {{ size -= width; }}"), 0, "c") for n in range(20)]
    rows += [Sample("other", "int area(int width) { return width; }", 0, "c")]
    answers = gradients.predict(rows)
    both = input_defenses.make("codepurify-plant").prepare(rows, gradients)
    found = both.examine(rows, answers, gradients)
    alone = replace(both, evidence="planting").examine(rows, answers, gradients)
    assert any(one.suspicion > 0 for one in alone)
    for one, rises in zip(found, alone, strict=True):
        most = max(element.score for element in one.elements)
        assert rises.suspicion <= one.suspicion <= rises.suspicion * (1 + most) + 1e-9
    assert found != alone


def test_screening_needs_gradients_and_leading_elements():
    model = victim(DEAD["python"])
    ready = input_defenses.make("codepurify", {"screen": True}).calibrate(clean(), model)
    plain = input_defenses.make("codepurify").calibrate(clean(), model)
    assert ready.examine(clean(), model.predict(clean()), model) == plain.examine(
        clean(), model.predict(clean()), model
    )
    assert input_defenses.make("codepurify-plant").calibrate(clean(), model).among == "all"
    assert input_defenses.make("codepurify-plant", {"screen": True}).calibrate(clean(), model).among == "leading"
    with pytest.raises(UsageError, match="screen can leave out none"):
        input_defenses.make("codepurify-plant", {"screen": True, "among": "all"}).calibrate(clean(), model)


def test_what_a_suspicion_is():
    plain, plant = (input_defenses.make(name) for name in ("codepurify", "codepurify-plant"))
    assert plain.suspicion_is("pair") == "how unevenly the scores are spread"
    assert "most suspicious piece" in plain.suspicion_is("generation")
    assert replace(plant, among="all").suspicion_is("pair").endswith("up to twice as much where the answer needs it")
    assert plant.suspicion_is("retrieval").endswith("and how unevenly the scores are spread")
    assert replace(plant, screen=True).suspicion_is("retrieval").endswith("when the element is planted into it")
    assert "the model writes it, too" in plant.suspicion_is("generation")
    assert input_defenses.make("strip").suspicion_is("pair") == ""
