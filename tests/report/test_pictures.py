"""The picture of where the confidence rests: shades by score, a frame, and hostile code that does no harm."""

import html
import re

import pytest

from codeward.experiment.environment import environment
from codeward.experiment.picturing import _group, _said
from codeward.experiment.record import Part, Picture, Record, Shared, View
from codeward.report.html import render
from codeward.report.shades import level, shaded

EVIL = 'if (x) f("</code><script>alert(1)</script>\u202e\x00\ud800");'
CODE = f"int f(int x) {{\n  {EVIL}\n  return x;\n}}\n"


def part(text, score, kind="statement", convicted=False, code=CODE):
    spans = [(match.start(), match.end()) for match in re.finditer(rf"{re.escape(text)}", code)]
    return Part(kind=kind, text=text, score=score, spans=spans, convicted=convicted)


def view(*parts, code=CODE, **more):
    return View(field="code", text=code, characters=len(code), parts=list(parts), **more)


def record(suspicious=1, pictures=1, **more):
    shown = view(part(EVIL, 0.9, convicted=True), part("x", 0.3, "identifier"), diff="-a\n+b\n c\n-<img>\n")
    return Record(
        verb="purify",
        title="codepurify on <b>d",
        task="defect",
        kind="classification",
        config={"score": "the change"},
        seed=0,
        counts={"rows": 9, "suspicious": suspicious, "changed": 1, "answers changed": 1},
        findings=[Shared(unit=EVIL, rows=3, targets={"<i>clean": 3}, score=0.91)],
        pictures=[
            Picture(
                id=f"<u>{number}",
                suspicious=True,
                suspicion=0.9,
                threshold=0.4,
                before="<i>clean",
                after="<i>defective",
                views=[shown],
                **more,
            )
            for number in range(pictures)
        ],
        environment=environment(),
    )


def test_a_place_has_the_higher_shade_of_its_name_and_its_innermost_statement():
    code = "if (a) { b = 1; }"
    shown = shaded(
        view(
            part(code, 1.0, code=code),
            part("b = 1;", 0.2, code=code, convicted=True),
            part("b", 0.6, "identifier", code=code),
            code=code,
        )
    )
    framed = '<mark class="convicted"><span class="h3">b</span><span class="h1"> = 1;</span></mark>'
    assert shown == f'<span class="h5">if (a) {{ </span>{framed}<span class="h5"> }}</span>'


@pytest.mark.parametrize("scores", [(0.0, 0.0), (-1.0, -2.0), (0.5, -3.0)])
def test_no_character_is_lost_and_low_scores_have_no_shade(scores):
    code = "a <b> = c\n"
    shown = shaded(view(part("a", scores[0], "word", code=code), part("c", scores[1], "word", code=code), code=code))
    assert html.unescape(re.sub(r"</?(?:span|mark)[^>]*>", "", shown)) == code
    assert shown.count("<span") == sum(score > 0 for score in scores)


def test_levels():
    assert [level(score, 1.0) for score in (0.0, 0.05, 0.2, 0.5, 1.0)] == [0, 0, 1, 2, 5]
    assert level(0.3, 0.0) == 0


def test_hostile_code_does_no_harm():
    page = render([record(problem="<img src=x>")], title="<i>")
    assert page.count("<script>") == 1
    for text in ("<script>alert", "<img", "<u>", "<i>", "<b>", "\x00", "\u202e", "\ud800", "http://", "https://"):
        assert text not in page
    page.encode("utf-8")
    assert "What was changed" in page
    assert '<span class="out">-&lt;img&gt;</span>' in page


@pytest.mark.parametrize(
    ("suspicious", "pictures", "sentence"),
    [
        (0, 1, "No input is suspicious; the one nearest to the threshold is shown."),
        (1, 1, "The suspicious input is shown."),
        (2, 2, "All 2 suspicious inputs are shown."),
        (1234, 3, "The 3 most suspicious of 1,234 suspicious inputs are shown."),
    ],
)
def test_it_says_which_inputs_are_shown(suspicious, pictures, sentence):
    page = render([record(suspicious, pictures)])
    assert sentence in page
    assert page.count('<article class="picture">') == pictures
    assert f"suspicious inputs {suspicious:,} of 9" in page


def test_before_a_search_model_the_query_is_told_with_its_similarity():
    page = render([record(query="read <a> file")])
    assert "The similarity to the query <em>read &lt;a&gt; file</em> is &lt;i&gt;clean, and after purifying" in page
    assert "The model answers" not in page


def test_similarities_are_counted_by_their_first_digit():
    told = {"piece": "", "before": 0.5226}
    assert (_group(told), _said(0.5226)) == ("similarity 0.5", "0.523")
    assert (_group({"piece": "while", "before": "x"}), _group({"piece": "", "before": 1}), _said(1)) == (
        "while",
        "1",
        "1",
    )
