from codeward.experiment.environment import environment
from codeward.experiment.record import Example, Record, ScoreRow, Series
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


def test_everything_is_escaped_and_self_contained():
    page = render([record()], title="<u>")
    for tag in ("<script", "<img", "<b>", "<i>", "<u>", "http://", "https://"):
        assert tag not in page
    assert "&lt;script&gt;" in page


def test_the_trigger_is_marked_and_the_summary_says_the_rates():
    page = render([record()])
    assert "<mark>x =</mark>" in page.replace("\n", "") or "<mark>" in page
    assert (
        "99.5 % of 200 inputs; without the trigger on 10.0 %; a clean model on the same triggered inputs on 12.0 %"
        in page
    )
    assert "<polyline" in page


def test_no_records():
    assert "Codeward report" in render([])
