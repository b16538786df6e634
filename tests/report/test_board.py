import base64
import html
import json
import re
import shutil
import subprocess

import pytest

from codeward.bench.board import Board
from codeward.cli import main
from codeward.experiment.environment import environment
from codeward.experiment.record import Example, Record
from codeward.report.board import chosen, count_seeds, departures, problems, records_wanted, render_board
from codeward.report.cells import columns
from codeward.report.heat import bin_of, heat_maps, legend
from codeward.report.pareto import Scale

HOSTILE = '"><script>alert(1)</script>&_%'


def text_of(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.split("<script>")[0])).split())


def record(code="int f() { return 0; }"):
    example = Example(
        id="r1",
        language="c",
        before=code,
        after=code,
        spans=[(0, 3)],
        truth="no",
        target="no",
        answers={"victim": "yes"},
    )
    return Record(
        verb="evaluate", title="t", task="defect", kind="classification", seed=0, environment=environment(),
        config={"attack": "a", "defenses": {"onion": {"threshold": 0.25}}}, examples=[example],
    )  # fmt: skip


def test_the_page_says_what_was_measured_and_what_not(make_board, some_lines):
    page = text_of(render_board(make_board(some_lines), {}))
    assert "5 of 6 cells of the grid are measured: 3 defenses against 2 attacks on 1 data set and 1 model" in page
    assert "7 steps and 2 min of work" in page
    assert "Not measured: 1 line its worker was killed (1): onion against identifier-rename 5 % on devign, mini" in page
    assert "codeward bench quick -o bench" in page


def test_the_paper_stands_beside_ours_and_what_differs_is_flagged(make_board, some_lines):
    page = render_board(make_board(some_lines), {})
    assert page.count('class="flag"') == 1
    assert re.search(r">90\.0 <span class=\"flag\" title=\"differs from ours: a paper, table 2\">differs</span>", page)
    assert "2 measured cells have a published figure; 1 differs" in text_of(page)
    (departure,) = departures(some_lines)
    assert departure.note == "Why not."
    assert departure.cells == ["onion against deadcode-fixed 5 % on devign, mini (success)"]


def test_hostile_names_do_no_harm(make_board, make_line):
    lines = [
        make_line(HOSTILE, "input", success=0.5, data=HOSTILE, model=HOSTILE, attack=HOSTILE, note=HOSTILE, task=HOSTILE,
                  record=HOSTILE, scores=make_line(success=0.4).scores | {HOSTILE: make_line(success=0.4).scores["success"]}),
        make_line(HOSTILE, "input", problem=HOSTILE, attack="b"),
    ]  # fmt: skip
    made = record(HOSTILE)
    page = render_board(make_board(lines, title=HOSTILE, command=HOSTILE, name=HOSTILE), {HOSTILE: made})
    assert page.count("<script>") == 1
    for sign in ("alert(1)</script>", "http://", "https://", "<link", "<img", "src=", "@import", "url("):
        assert sign not in page


def test_everything_is_in_the_page_without_scripts(make_board, some_lines):
    page = render_board(make_board(some_lines), {})
    body = page.split("<tbody>")[-1]
    assert body.count("<tr data-data=") == 6
    assert "hidden>" in page.split('class="filters"')[1].split("\n")[0], "the filters show only where they work"


def test_downloads_hold_the_board(make_board, some_lines):
    board = make_board(some_lines, name="../a b")
    page = render_board(board, {})
    found = dict(re.findall(r'href="data:([\w/-]+);charset=utf-8;base64,([^"]*)"', page))
    assert set(found) == {"text/csv", "application/json", "text/x-tex", "text/markdown"}
    assert Board.model_validate_json(base64.b64decode(found["application/json"])) == board
    assert 'download="a-b.csv"' in page


@pytest.mark.parametrize("count", [0, 2])
def test_a_board_with_nothing_measured(make_board, make_line, count):
    lines = [make_line(problem="not measured yet", attack=str(number)) for number in range(count)]
    page = text_of(render_board(make_board(lines), {}))
    assert f"Nothing is measured yet: all {count} cells" in page
    assert '<svg class="pareto"' not in page


def test_several_seeds_are_one_line(make_board, make_line):
    lines = [make_line(success=0.5 + 0.1 * seed, seed=seed) for seed in range(3)]
    lines += [make_line("onion", "input", success=0.3), make_line("onion", "input", seed=1, problem="killed")]
    assert list(count_seeds(lines).values()) == [(3, 3), (1, 2)]
    assert problems(lines) == {"killed": ["onion against deadcode-fixed 5 % on devign, mini, seed 1"]}
    page = text_of(render_board(make_board(lines), {}))
    assert "2 of 2 cells" in page
    assert "1 of 2" in page


def test_the_records_of_the_most_and_the_least_that_is_left(make_board, make_line):
    lines = [
        make_line("onion", "input", success=value, attack=name, record=f"{name}/record.json")
        for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.2))
    ]
    assert [line.attack for _, line in chosen(lines)["onion"]] == ["b", "c"]
    board = make_board(lines)
    assert records_wanted(board) == ["b/record.json", "c/record.json"]
    page = render_board(board, {"b/record.json": record()})
    assert "<mark>" in page
    assert "onion: threshold</dt><dd>0.25" in page
    assert "The record c/record.json is not there." in page


def test_heat_maps_follow_the_order_of_the_leaderboard(some_lines, make_line):
    (found,) = heat_maps([*some_lines, make_line(success=0.4, attack="none", rate=0.0)], ["dece", "onion", "none"])
    assert found.attacks == (("deadcode-fixed", (0.05,)), ("identifier-rename", (0.05,)))
    assert [(name, [patch.text for patch in patches]) for name, patches in found.rows] == [
        ("dece", ["5", "\N{MINUS SIGN}5"]),
        ("onion", ["40", "\N{EN DASH}"]),
        ("none", ["80", "70"]),
    ]
    assert found.rows[1][1][1].title == "its worker was killed"
    assert [bin_of(value) for value in (-3, 4.9, 5, 30, 75, 100)] == [0, 0, 1, 3, 5, 5]


def test_the_color_is_that_of_the_number_that_is_shown(make_line):
    (found,) = heat_maps([make_line(success=0.148), make_line("x", "model", success=0.1456)], ["none", "x"])
    assert [(patch.text, patch.color) for _, (patch,) in found.rows] == [("5", 1), ("5", 1)]


def test_of_a_search_model_the_map_shows_ranks(make_search, make_board, make_line):
    lines = [make_search(0.03), make_search(0.46, "good", "input"), make_search(0.2, "bad", "model")]
    (found,) = heat_maps(lines, ["good", "bad", "none"])
    assert [(patch.text, patch.color) for _, (patch,) in found.rows] == [("46", 0), ("20", 3), ("3", 5)]
    assert found.rows[0][1][0].title == "rank of triggered code 46.0 %, of a clean model 48.0 %"
    assert legend(search=True) == ["45 and more", "35 to 45", "25 to 35", "15 to 25", "5 to 15", "below 5"]
    assert legend(search=False) == ["below 5", "5 to 15", "15 to 30", "30 to 50", "50 to 75", "75 and more"]
    page = render_board(make_board(lines), {})
    assert "higher is better for the defender" in page
    assert "3 of 3 lines" not in text_of(page)
    assert "1 of 1 line." in text_of(page)
    assert '<svg class="pareto"' in page


def test_the_captions_say_what_the_figures_are(make_board, make_line):
    lines = [make_line(success=0.9, attack=name) for name in "abcd"]
    lines += [make_line("wide", "model", success=0.2, attack=name) for name in "abc"]
    lines += [make_line("tiny", "model", success=0.1, attack="d")]
    page = render_board(make_board(lines), {})
    assert "that all of them were measured on: 3 of 4 lines." in text_of(page)
    assert 'class=" unranked"' in page
    assert "n 100" in page
    for words in (
        "means over seeds",
        "the smallest of any seed",
        "behind an input defense that of the undefended model",
    ):
        assert words in page
    text = render_board(make_board([line.model_copy(update={"kind": "generation"}) for line in lines]), {})
    assert "leaves out rows whose payload stands in the answer without the trigger anyway" in text
    assert "minus floor" not in text


def test_a_note_is_shown_as_it_was_written(make_line):
    note = next(each for each in columns([make_line(problem="no .. such")], {}) if each.name == "note")
    assert note.entry(make_line(problem="no", note="Wait for it ...")).text == "Not measured: no. Wait for it ..."
    assert note.entry(make_line(problem="It has to be one of: a.")).text == "Not measured: It has to be one of: a."


def test_ticks_are_round():
    assert Scale(-2, 88, 0, 1).ticks() == [0, 20, 40, 60, 80]
    assert Scale(-1.3, 6, 0, 1).ticks() == [0, 2, 4, 6]
    assert Scale(-7, 6, 0, 1).ticks() == [-5, 0, 5]
    assert Scale(88, -2, 0, 1).ticks() == [0, 20, 40, 60, 80], "upside down"


@pytest.fixture
def bench(tmp_path, make_board, some_lines):
    lines = [some_lines[0].model_copy(update={"record": "store/record.json"}), *some_lines[1:]]
    (tmp_path / "bench" / "store").mkdir(parents=True)
    (tmp_path / "bench" / "store" / "record.json").write_text(record().model_dump_json())
    (tmp_path / "bench" / "board.json").write_text(make_board(lines).model_dump_json())
    return tmp_path / "bench"


def test_the_command_draws_a_bench_or_writes_its_data(bench, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(bench), "-o", "b.html", "--title", "Mine", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["cells"], said["format"], len(said["records"])) == (6, "html", 1)
    assert "<h1>Mine</h1>" in (tmp_path / "b.html").read_text()
    assert main(["report", str(bench / "board.json"), "-o", "t.tex"]) == 0
    assert (tmp_path / "t.tex").read_text().startswith("% A bench")
    assert main(["report", str(bench), "--format", "csv"]) == 0
    assert (tmp_path / "report.csv").read_text().startswith("data,task,")
    assert main(["report", str(bench), "--format", "json", "-o", "data"]) == 0
    assert Board.model_validate_json((tmp_path / "data").read_text()).steps == 7


def test_mistakes_get_a_sentence(bench, capsys, tmp_path):
    assert main(["report", str(bench), "--format", "latx"]) == 2
    assert "Did you mean 'latex'" in capsys.readouterr().err
    assert main(["report", str(bench), str(bench)]) == 2
    assert "one bench alone" in " ".join(capsys.readouterr().err.split())
    assert main(["report", str(bench / "store"), "-o", str(tmp_path / "x.csv")]) == 2
    assert "holds no board.json" in " ".join(capsys.readouterr().err.split())
    (bench / "board.json").write_text("{}")
    assert main(["report", str(bench)]) == 4
    assert not (tmp_path / "x.csv").exists()


CHECK = """<script>
const rows = () => [...document.querySelectorAll("#all tbody tr:not([hidden])")].map(row => row.dataset.defense);
const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
const seen = {start: rows().length, wide: wide()};
const form = document.querySelector("form.filters"), head = document.querySelector("#all th[data-name=success] button");
form.elements.defense.value = "dece"; form.dispatchEvent(new Event("input")); seen.dece = rows();
form.elements.defense.value = ""; form.elements.q.value = "DIFFERS"; form.dispatchEvent(new Event("input")); seen.differs = rows();
form.elements.q.value = ""; form.dispatchEvent(new Event("input"));
head.click(); seen.up = rows(); head.click(); seen.down = rows(); seen.hash = location.hash;
document.body.style.width = "390px"; seen.phone = document.body.scrollWidth;
document.documentElement.innerHTML = JSON.stringify(seen);
</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium")
def test_the_page_sorts_and_filters_in_a_browser_and_fits_a_phone(tmp_path, make_board, some_lines):
    page = render_board(make_board(some_lines), {}).replace("</body>", f"{CHECK}</body>")
    (tmp_path / "b.html").write_text(page)
    seen = _browse(tmp_path, "b.html")
    assert (seen["start"], seen["wide"], seen["phone"]) == (6, 0, 390)
    assert seen["dece"] == ["dece", "dece"]
    assert seen["differs"] == ["onion"]
    assert seen["up"] == ["dece", "dece", "onion", "none", "none", "onion"], "what has no score stays last"
    assert seen["down"] == ["none", "none", "onion", "dece", "dece", "onion"]
    assert seen["hash"] == "#sort=-success"


def _browse(folder, name):
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    command = [
        "chromium",
        *flags.split(),
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder}/chr",
    ]
    done = subprocess.run(
        [*command, "--window-size=500,900", "--dump-dom", f"file://{folder}/{name}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return json.loads(html.unescape(re.search(r"<body>(.*?)</body>", done.stdout, re.DOTALL)[1]))
