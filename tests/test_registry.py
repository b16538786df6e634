"""The registry is tested on a package made for it, so that nothing depends on the methods that happen to exist."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Literal

import pytest
from pydantic import Field

from codeward import registry as registry_module
from codeward.errors import OptionError, UnknownNameError, UsageError
from codeward.registry import Option, Registry, method
from codeward.registry.plugins import PluginWarning

PACKAGE = "toolbox_for_tests"
HAMMER = '''"""Hits nails (Thor, 1000).

Departures: none.
"""
from {package} import tools
from codeward.registry import method

@tools.register("hammer")
@method
class Hammer:
    weight: int = 2
    """How heavy it is."""
'''


class Tool:
    pass


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A registry of a package with one public module, one private one and one folder."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from codeward.registry import Registry\ntools = Registry('tool', '{PACKAGE}')\n"
    )
    (folder / "hammer.py").write_text(HAMMER.format(package=PACKAGE))
    (folder / "_private.py").write_text("raise RuntimeError('private modules are not imported')")
    (folder / "sub").mkdir()
    (folder / "sub" / "__init__.py").write_text("raise RuntimeError('folders are not imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__(PACKAGE).tools
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def saw(tools):
    """A method with an option of each type."""

    @tools.register("saw")
    @method
    class Saw(Tool):
        """Cuts wood."""

        teeth: Annotated[int, Field(ge=1, le=9)] = 3
        """How many teeth it has."""
        sharp: bool = True
        """Whether it cuts."""
        angle: float = 0.5
        """At which angle."""
        kind: Literal["hand", "chain"] = "hand"
        """What drives it."""
        owner: str | None = None
        """Whose it is."""

    return Saw


def test_modules_are_found_without_being_listed(tools):
    assert tools.names() == ["hammer"]
    assert tools.get("hammer").__name__ == "Hammer"


def test_threads_that_ask_first_at_the_same_time_all_see_every_method(tools, tmp_path):
    (tmp_path / PACKAGE / "anvil.py").write_text(
        f"import time\ntime.sleep(0.2)\n{HAMMER.format(package=PACKAGE).replace('hammer', 'anvil')}"
    )
    together = Barrier(4)

    def ask(_):
        together.wait()
        return tools.names()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [["anvil", "hammer"]] * 4


def test_a_module_may_ask_while_it_is_being_found(tools, tmp_path):
    (tmp_path / PACKAGE / "anvil.py").write_text(f"from {PACKAGE} import tools\nknown = tools.names()\n")
    assert tools.names() == ["hammer"]
    assert sys.modules[f"{PACKAGE}.anvil"].known == []


def test_a_module_that_cannot_be_imported_is_tried_again(tools, tmp_path):
    broken = tmp_path / PACKAGE / "anvil.py"
    broken.write_text("import nothing_of_this_name\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
            tools.names()
    broken.unlink()
    assert tools.names() == ["hammer"]


def test_an_unknown_name_is_answered_with_the_nearest(tools):
    with pytest.raises(UnknownNameError, match=r"unknown tool 'hamer'\. Did you mean 'hammer'\?"):
        tools.make("hamer")


def test_options_have_defaults_and_are_kept(tools, saw):
    assert tools.make("saw") == saw()
    assert tools.make("saw", {"teeth": 5}).teeth == 5
    assert tools.name_of(saw()) == tools.name_of(saw) == "saw"


def test_texts_are_converted_to_the_type_of_the_option(tools, saw):
    made = tools.make("saw", {"teeth": "5", "sharp": "false", "angle": "0.25", "kind": "chain", "owner": "me"})
    assert made == saw(teeth=5, sharp=False, angle=0.25, kind="chain", owner="me")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tooth": 1},
            r"tool 'saw' has no option 'tooth'\. Did you mean 'teeth'\? It takes: teeth, sharp, angle, kind, owner\.",
        ),
        ({"zzz": 1}, r"has no option 'zzz'\. It takes: teeth"),
        ({"teeth": "many"}, r"tool 'saw': option teeth = 'many' does not fit: .*integer"),
        ({"teeth": 0}, r"option teeth = 0 does not fit: .*greater than or equal to 1"),
        ({"teeth": 2.5}, r"option teeth = 2\.5 does not fit"),
        ({"kind": "water"}, r"option kind = 'water' does not fit: .*'hand' or 'chain'"),
        ({"sharp": "perhaps"}, r"option sharp = 'perhaps' does not fit: .*boolean"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(tools, saw, options, message):
    with pytest.raises(OptionError, match=message) as caught:
        tools.make("saw", options)
    assert "\n" not in str(caught.value)


def test_options_cannot_be_given_by_position_or_changed(saw):
    with pytest.raises(ValueError, match="positional"):
        saw(5)
    with pytest.raises(AttributeError):
        saw().teeth = 4


def test_options_are_described(tools, saw):
    assert tools.options("saw") == [
        Option("teeth", "int", 3, "How many teeth it has."),
        Option("sharp", "bool", True, "Whether it cuts."),
        Option("angle", "float", 0.5, "At which angle."),
        Option("kind", "hand | chain", "hand", "What drives it."),
        Option("owner", "str | None", None, "Whose it is."),
    ]


def test_the_options_of_a_base_come_first_and_are_described(tools):
    @method
    class Base(Tool):
        size: int = 1
        """How big it is."""

    @tools.register("drill")
    @method
    class Drill(Base):
        speed: int = 9
        """How fast it turns."""

    assert [(each.name, each.description) for each in tools.options("drill")] == [
        ("size", "How big it is."),
        ("speed", "How fast it turns."),
    ]


def test_settings_round_trip(tools, saw):
    made = saw(teeth=7, owner="me")
    settings = tools.settings(made)
    assert settings == {"teeth": 7, "sharp": True, "angle": 0.5, "kind": "hand", "owner": "me"}
    assert tools.make("saw", settings) == made


def test_the_documentation_is_that_of_the_file(tools):
    assert tools.summary("hammer") == "Hits nails (Thor, 1000)."
    assert tools.documentation("hammer").endswith("Departures: none.")


def test_two_methods_of_one_name_are_refused(tools, saw):
    with pytest.raises(UsageError, match="two tools are called 'saw'"):

        @tools.register("saw")
        class Other(Tool):
            pass


def test_two_methods_of_one_name_are_refused_even_if_their_classes_have_one_name(tools):
    tools.register("file")(type("File", (Tool,), {"__module__": "one"}))
    with pytest.raises(UsageError, match="two tools are called 'file': one and two"):
        tools.register("file")(type("File", (Tool,), {"__module__": "two"}))


def test_a_method_may_be_registered_again_when_its_module_is_reloaded(tools):
    tools.register("file")(type("File", (Tool,), {"__module__": "one"}))
    again = tools.register("file")(type("File", (Tool,), {"__module__": "one"}))
    assert tools.get("file") is again


def test_third_parties_register_through_entry_points(tools, monkeypatch):
    class Chisel(Tool):
        """Carves."""

    class Point:
        name = "chisel"

        @staticmethod
        def load():
            return method(Chisel)

    asked = []

    def points(*, group):
        asked.append(group)
        return [Point]

    monkeypatch.setattr(registry_module, "entry_points", points)
    assert tools.names() == ["chisel", "hammer"]
    assert isinstance(tools.make("chisel"), Tool)
    assert asked == ["codeward.tools"]


def test_a_third_party_cannot_take_a_name_that_exists(tools, monkeypatch):
    class Point:
        name = "hammer"

        @staticmethod
        def load():
            return method(type("Hammer", (Tool,), {"__module__": "elsewhere"}))

    monkeypatch.setattr(registry_module, "entry_points", lambda group: [Point])
    with pytest.warns(PluginWarning, match=f"two tools are called 'hammer': {PACKAGE}.hammer and elsewhere"):
        assert tools.names() == ["hammer"]
    assert tools.get("hammer").__module__ == f"{PACKAGE}.hammer"


def test_an_empty_registry_says_so(tmp_path, monkeypatch):
    (tmp_path / "empty_for_tests").mkdir()
    (tmp_path / "empty_for_tests" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UnknownNameError, match="one of: none"):
        Registry("thing", "empty_for_tests").get("x")
