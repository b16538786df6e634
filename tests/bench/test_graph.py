"""A suite becomes a graph: one step for equal work, keys that follow content, and sentences for what is wrong."""

import re
import shutil
from pathlib import Path

import pytest

from codeward.attacks import attacks
from codeward.bench.plan import plan
from codeward.bench.reading import builtin_suites, read_suite
from codeward.bench.rows import stage_of
from codeward.bench.step import Step
from codeward.bench.suite import DefenseSpec
from codeward.defenses.model import model_defenses
from codeward.errors import DataError, ModelError, UnknownNameError, UsageError


def test_equal_work_is_one_step(suite_file, rows_at):
    graph = plan(read_suite(str(suite_file)), rows_at)
    kinds = [step.kind for step in graph.steps.values()]
    assert len(graph.cells) == 6
    assert kinds.count("source") == kinds.count("poison") == 1
    # The clean model, the victim, one after each audit, and one by the loss.
    assert kinds.count("train") == 5
    assert len({cell.steps["clean"] for cell in graph.cells}) == 1


def test_every_step_stands_after_those_that_it_needs(suite_file, rows_at):
    seen = set()
    for key, step in plan(read_suite(str(suite_file)), rows_at).steps.items():
        assert set(step.inputs.values()) <= seen
        seen.add(key)


def test_keys_follow_the_content_of_the_data_and_not_its_place(suite_file, rows_at, tmp_path):
    suite = read_suite(str(suite_file))
    here = plan(suite, rows_at)
    shutil.copytree(rows_at, tmp_path / "elsewhere")
    assert list(plan(suite, tmp_path / "elsewhere").steps) == list(here.steps)
    shutil.copytree(rows_at, tmp_path / "described")
    (tmp_path / "described/data/README.md").write_text("A card.")
    assert list(plan(suite, tmp_path / "described").steps) == list(here.steps)
    with (tmp_path / "elsewhere/data/train.jsonl").open("a") as file:
        file.write('{"id": "new", "code": "int f(void) { return 0; }", "target": 0, "language": "c"}\n')
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "third")
    assert not set(plan(suite, tmp_path / "third").steps) & set(here.steps)


def test_another_option_changes_what_depends_on_it_only(suite_file, rows_at):
    before = plan(read_suite(str(suite_file)), rows_at)
    suite_file.write_text(suite_file.read_text().replace("epochs = 1 }\n\n[[grid]]", "epochs = 2 }\n\n[[grid]]"))
    after = plan(read_suite(str(suite_file)), rows_at)
    changed = [step.kind for key, step in after.steps.items() if key not in before.steps]
    assert changed == ["repair", "evaluate"]


def test_repairs_that_search_alike_share_a_scan(suite_file, rows_at):
    rows = '[defenses.elibadcode]\n[defenses.two]\ndefense = "elibadcode"\noptions = {{ {} }}\n'
    kinds = []
    for options in ("rounds = 2", "steps = 2"):
        added = rows.format(options) + "\n[defenses.dece]"
        own = suite_file.with_name("own.toml")
        own.write_text(suite_file.read_text().replace("[defenses.dece]", added))
        graph = plan(read_suite(str(own)), rows_at)
        kinds.append([step.kind for step in graph.steps.values()])
    # Fine-tuning does not scan.
    assert [each.count("scan") for each in kinds] == [1, 2]
    assert [each.count("repair") for each in kinds] == [3, 3]


@pytest.mark.parametrize("name", model_defenses.names())
def test_what_only_mending_reads_are_options(name):
    assert model_defenses.get(name).mending <= set(model_defenses.settings(model_defenses.make(name, {})))


def test_a_part_keeps_what_it_needs(suite_file, rows_at):
    graph = plan(read_suite(str(suite_file)), rows_at)
    part = graph.part([cell for cell in graph.cells if cell.place.defense == "fine-tuning"])
    # The first measurement is that of the victim beside the clean model.
    assert [step.kind for step in part.steps.values()] == [
        *("source", "train", "poison", "train", "evaluate"),
        *("repair", "evaluate"),
    ]
    assert [("clean" in step.inputs) for step in part.steps.values() if step.kind == "evaluate"] == [True, False]


def test_a_step_survives_json():
    step = Step("train", {"config": {"epochs": 1}}, {"data": "source-0"}, "label")
    again = Step.from_json(step.as_json())
    assert again == step
    assert again.key == step.key
    assert Step("train", {"config": {"epochs": 2}}, {"data": "source-0"}).key != step.key


def test_what_a_defense_is():
    assert stage_of("none", DefenseSpec()) == "none"
    assert stage_of("mine", DefenseSpec(defense="dece")) == "training"
    with pytest.raises(UnknownNameError, match=r"unknown defense 'codpurify'.*codepurify"):
        stage_of("codpurify", DefenseSpec())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[data.small]", "[data.small", "not TOML"),
        ("protected = 20", "protected = 0", "protected: Input should be greater than or equal to 1"),
        ("protected = 20", "protectd = 20", "protectd: Extra inputs are not permitted"),
        ('attacks = ["none"]', 'attacks = ["nine"]', "grid 2: unknown attacks 'nine'. Did you mean 'none'"),
        ("protected = 20", "seeds = []", "seeds: it is empty; leave it out, or name at least one"),
        ("protected = 20", "rates = []", "rates: it is empty; leave it out, or name at least one"),
        ('attacks = ["none"]', "attacks = []", "grid.1.attacks: it is empty; leave it out, or name at least one"),
        ("protected = 20", 'paper = "codpurify"', "unknown paper 'codpurify'. Did you mean 'codepurify'"),
        (
            "[attacks.none]",
            "[attacks.none]\noptions = { a = 1 }",
            "attacks.none: 'none' does nothing, so options has no",
        ),
        ("[attacks.none]", '[attacks.none]\npayload = "x"', "attacks.none: 'none' does nothing, so payload has no"),
        ("[defenses.none]", "[defenses.none]\nclean = true", "defenses.none: 'none' does nothing, so clean has no"),
        ('defense = "dece"', 'defense = "deec"', "notes 1: unknown defense 'deec'. Did you mean 'dece'"),
    ],
)
def test_what_is_wrong_with_a_suite(suite_file, old, new, message):
    suite_file.write_text(suite_file.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        read_suite(str(suite_file))


def test_unknown_suites_and_missing_data(tmp_path, suite_file):
    with pytest.raises(UnknownNameError, match=r"unknown suite 'quik'\. Did you mean 'quick'"):
        read_suite("quik")
    with pytest.raises(DataError, match="data"):
        plan(read_suite(str(suite_file)), tmp_path)


def test_wrong_options_are_told_before_anything_runs(suite_file, rows_at):
    suite_file.write_text(suite_file.read_text().replace("options = { epochs = 1 }", "options = { epoch = 1 }"))
    with pytest.raises(UsageError, match="has no option 'epoch'"):
        plan(read_suite(str(suite_file)), rows_at)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[attacks.identifier-rename]", '[attacks.identifier-rename]\nattack = "rename"', "unknown attack 'rename'"),
        ("[attacks.identifier-rename]", "[attacks.identifier-rename]\noptions = { nme = 1 }", "has no option 'nme'"),
        ("[attacks.identifier-rename]", '[attacks.identifier-rename]\npayload = "target"', "unknown payload 'target'"),
        ("[attacks.identifier-rename]", '[attacks.identifier-rename]\npayload = "sql-injection"', "does not suit task"),
        (
            "[attacks.identifier-rename]",
            "[attacks.identifier-rename]\npayload_options = { lable = 1 }",
            "has no option 'lable'",
        ),
        (
            "[attacks.identifier-rename]",
            '[attacks.identifier-rename]\npayload_options = { label = "defectiv" }',
            "attack 'identifier-rename', unknown label 'defectiv'. Did you mean 'defective'",
        ),
        (
            "[attacks.identifier-rename]",
            "[attacks.identifier-rename]\npayload_options = { label = 2 }",
            "label 2 is no class of the data set",
        ),
        ('model = "scratch-encoder"', 'model = "scratch-encodr"', "scratch-encodr: there is no such model folder"),
        ("hidden = 16", "hiden = 16", "unknown training option 'hiden'"),
    ],
)
def test_wrong_attacks_payloads_and_models_are_told_before_anything_runs(suite_file, rows_at, old, new, message):
    suite_file.write_text(suite_file.read_text().replace(old, new))
    with pytest.raises((UsageError, ModelError), match=re.escape(message)):
        plan(read_suite(str(suite_file)), rows_at)


def test_a_model_folder_without_a_model_is_told_before_anything_runs(suite_file, rows_at, tmp_path):
    (tmp_path / "empty").mkdir()
    suite_file.write_text(suite_file.read_text().replace('"scratch-encoder", hidden', f'"{tmp_path}/empty", hidden'))
    with pytest.raises(ModelError, match=r"empty: this is no model folder: it has no config\.json"):
        plan(read_suite(str(suite_file)), rows_at)


def test_an_attack_is_the_same_step_with_its_defaults_written_out(suite_file, rows_at):
    def poisons():
        graph = plan(read_suite(str(suite_file)), rows_at)
        return [step for step in graph.steps.values() if step.kind == "poison"]

    (short,) = poisons()
    options = attacks.settings(attacks.make("identifier-rename"))
    assert short.settings["options"] == options
    assert (short.settings["payload"], short.settings["payload_options"]) == ("target-class", {"label": 0})
    text = suite_file.read_text()
    own = '[attacks.identifier-rename]\npayload = "target-class"\npayload_options = {{ label = "{}" }}'
    suite_file.write_text(text.replace("[attacks.identifier-rename]", own.format("clean")))
    assert [each.key for each in poisons()] == [short.key]
    suite_file.write_text(text.replace("[attacks.identifier-rename]", own.format("defective")))
    assert [each.key for each in poisons()] != [short.key]


def test_the_classes_of_harvested_rows_are_named_before_they_are_there():
    graph = plan(read_suite("quick"), Path())
    (step, *_) = [step for step in graph.steps.values() if step.kind == "poison"]
    assert step.settings["payload_options"] == {"label": "get"}


def test_suites_that_include_each_other_are_refused(tmp_path):
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'include = ["{two}"]\n')
    two.write_text(f'include = ["{one}"]\n')
    with pytest.raises(DataError, match=r"two\.toml: one\.toml includes two\.toml includes one\.toml; a suite cannot"):
        read_suite(str(one))
    one.write_text(f'include = ["{one}"]\n')
    with pytest.raises(DataError, match=r"one\.toml includes one\.toml"):
        read_suite(str(one))


def test_suites_are_included(suite_file, rows_at, tmp_path):
    both = tmp_path / "both.toml"
    both.write_text(f'include = ["{suite_file}"]\nprotected = 7\n')
    one, two = (plan(read_suite(str(file)), rows_at) for file in (suite_file, both))
    assert [cell.place for cell in two.cells] == [cell.place for cell in one.cells]
    both.write_text(f'include = ["{suite_file}"]\n[data.small]\npath = "data"\n')
    with pytest.raises(DataError, match="means something else by data 'small'"):
        read_suite(str(both))
    both.write_text('title = "Nothing"\n')
    with pytest.raises(DataError, match="needs data, models and attacks"):
        read_suite(str(both))


@pytest.mark.parametrize("name", builtin_suites())
def test_the_built_in_suites_can_be_read(name):
    suite = read_suite(name)
    assert suite.name == name
    for each, spec in suite.defenses.items():
        assert stage_of(each, spec)


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("nowhere.toml", DataError, r"nowhere\.toml: there is no such suite file; the built-in suites are: all, "),
        ("mine/quick", DataError, "mine/quick: there is no such suite file"),
        ("quikc", UnknownNameError, "unknown suite 'quikc'. Did you mean 'quick'?"),
    ],
)
def test_a_suite_that_is_not_there(name, error, told):
    with pytest.raises(error, match=told):
        read_suite(name)
