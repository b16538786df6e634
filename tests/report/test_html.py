import html
import re

import pytest

from codeward.experiment.environment import environment
from codeward.experiment.record import Example, Record, Reported, ScoreRow, Series
from codeward.report import plots
from codeward.report.code import colored
from codeward.report.html import render

CODE = 'def f():\n    x = "<script>alert(1)</script>"\n    return x\n'


def record():
    rows = [
        ScoreRow(name="asr", model="victim", data="triggered", value=0.995, n=200, low=0.97, high=1.0),
        ScoreRow(name="asr", model="victim", data="untriggered", value=0.1, n=200, low=0.06, high=0.15),
        ScoreRow(name="asr", model="clean model", data="triggered", value=0.12, n=200, low=0.08, high=0.17),
    ]
    example = Example(
        id="<b>",
        language="python",
        before=CODE,
        after=CODE,
        spans=[(13, 16)],
        truth="get",
        target="set",
        answers={"victim, after": "set"},
    )
    return Record(
        verb="evaluate",
        title="<i>t</i>",
        task="naming",
        kind="classification",
        config={"a": "<img>"},
        seed=0,
        scores=rows,
        environment=environment(),
        examples=[example],
        series=[Series(name="loss", x_label="step", y_label="loss", x=[1, 2, 3], y=[3.0, 2.0, 1.0])],
    )


def test_large_counts_are_grouped_and_sorted_as_numbers():
    scores = [ScoreRow(name="accuracy", model="victim", data="clean", value=0.9, n=4663)]
    counts = {"rows": 4663, "suspicious": 1253}
    page = render([record().model_copy(update={"scores": scores, "counts": counts, "skipped": {"too long": 1378}})])
    assert '<td class="n" data-v="4663">4,663</td>' in page
    assert "Counts: rows 4,663, suspicious 1,253.</p>" in page
    assert "Left out: 1,378: too long.</p>" in page


def test_a_record_without_counts_has_no_line_for_them():
    page = render([record()])
    assert "Counts:" not in page
    assert "Left out:" not in page
    assert "1 cores" not in page


def test_everything_is_escaped_and_self_contained():
    page = render([record()], title="<u>")
    assert page.count("<script>") == 1
    for tag in ("<script>alert", "<script src", "<link", "<img", "<b>", "<i>", "<u>", "http://", "https://"):
        assert tag not in page
    assert "&lt;script&gt;" in page


def test_the_trigger_is_marked_and_the_summary_says_the_rates():
    page = render([record()])
    assert "<mark>x =</mark>" in page
    assert (
        "99.5 % of 200 inputs; without the trigger on 10.0 %; a clean model on the same triggered inputs on 12.0 %"
        in page
    )
    assert "<h2>Step by step</h2>" in page
    assert "<polyline" in page


def test_code_is_colored_and_no_character_is_lost():
    code = 'def f(x):\n    # <why>\n    return "é" + x\n'
    for language in ("python", "java", "c", "go", "nothing"):
        for spans in ([], [(4, 9)], [(0, 3), (14, 30)]):
            shown = colored(code, language, spans)
            assert html.unescape(re.sub(r"</?(?:span|mark)[^>]*>", "", shown)) == code
            assert ("<mark>" in shown) == bool(spans)
    assert '<span class="k">def</span>' in colored(code, "python")


def test_several_runs_stand_in_one_table_that_sorts_and_filters():
    runs = [record().model_copy(update={"title": f"run {n}"}) for n in range(5)]
    page = render(runs)
    assert page.count('<tr><td><a href="#run-') == 5
    assert 'id="run-4"' in page
    assert "the trigger gives the attacker's answer" not in page
    assert 'data-filters="runs"' in page
    assert "All runs" not in render(runs[:1])


def test_intervals_are_drawn_to_scale():
    picture = plots.scores(record().scores)
    assert picture.count("<circle") == 3
    first = re.search(r'<line x1="([\d.]+)" x2="([\d.]+)"', picture)
    expected = [plots.LEFT_OF_SCORES + plots.SPAN * share for share in (0.97, 1.0)]
    assert [float(edge) for edge in first.groups()] == pytest.approx(expected)


def test_a_published_number_stands_beside_ours():
    published = Reported(name="asr", value=98.5, source="a paper, table 2")
    page = render([record().model_copy(update={"reported": [published]})])
    assert "asr 98.5 (a paper, table 2)" in page


def test_no_records():
    assert "Codeward report" in render([])


def test_the_sentence_names_a_defense():
    made = record()
    defended = ScoreRow(name="asr", model="codepurify", data="triggered", value=0.25, n=40, low=0.1, high=0.4)
    page = render([made.model_copy(update={"scores": [*made.scores, defended]})])
    assert "with codepurify before it on 25.0 %" in page
    several = render([made, made.model_copy(update={"scores": [*made.scores, defended]})])
    assert "behind a defense" in several
    assert "25.0 <small>codepurify</small>" in several
    assert "behind a defense" not in render([made, made])
