"""Documentation is cut to a query, comments lose their marks, and languages are told by name and look."""

import pytest

from codeward.data.docs import comment_text, docstring_text, first_paragraph, first_sentence, without_docstring
from codeward.data.harvest.functions import normalize
from codeward.data.languages import guess_language, known_language, named_language


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Return x.", "Return x."),
        ("Return the\n    x of y. Then more.\n\nNext.", "Return the x of y."),
        ("Read e.g. a file, i.e. its lines. More", "Read e.g. a file, i.e. its lines."),
        ("Takes version 3.11 of it. More", "Takes version 3.11 of it."),
        ("No end\n\nNext paragraph.", "No end"),
        ("Adds {@code a} to <b>b</b>.\n@param a x", "Adds a to b."),
        ("Adds a\n:param a: x", "Adds a"),
        ("Adds a\nArgs:\n  a: x", "Adds a"),
        ("Adds a\n>>> add(1)", "Adds a"),
        ("{@inheritDoc}", ""),
        ("", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_first_paragraph_keeps_all_its_sentences() -> None:
    assert first_paragraph("One. Two.\nThree.\n \nFour.") == "One. Two. Three."


@pytest.mark.parametrize(
    "comment",
    [
        "/** Adds a\n  * to b.\n  */",
        "/**\n * Adds a\n * to b.\n **/",
        "/* Adds a\n   to b. */",
        "// Adds a\n  // to b.",
        "/// Adds a\n/// to b.",
    ],
)
def test_comments_lose_their_marks(comment: str) -> None:
    assert comment_text(comment).split() == ["Adds", "a", "to", "b."]


def test_docstrings_are_evaluated() -> None:
    assert docstring_text('r"""A\\n b.\n\n    c"""') == "A\\n b.\n\nc"
    assert docstring_text('f"{x}"') is None
    assert docstring_text('b"x"') is None
    assert docstring_text('"x') is None


@pytest.mark.parametrize(
    ("code", "bare"),
    [
        ('def f():\n    """Doc."""\n\n    return 1', "def f():\n    return 1"),
        ('def f():\n    """Doc.\n\n    More."""\n    return """x"""', 'def f():\n    return """x"""'),
        ('def f():\n    """Doc."""; return 1', 'def f():\n    """Doc."""; return 1'),
        ('def f():\n    x = """no doc"""', 'def f():\n    x = """no doc"""'),
        ("nothing here", "nothing here"),
    ],
)
def test_without_docstring(code: str, bare: str) -> None:
    assert without_docstring(code, "python") == bare


def test_normalizing_drops_comments_and_white_space_but_no_strings() -> None:
    assert normalize('a = "# no" # yes\n\tb', "python") == 'a="#no"b'
    assert normalize("a = '''x # ' y''' # yes", "python") == "a='''x#'y'''"
    assert normalize('a("//", /* b */ c) // d\n/* e\n*/;', "c") == 'a("//",c);'


def test_languages_by_name() -> None:
    assert [known_language(name) for name in ("Python", "C++", "golang", " js ", "php")] == [
        "python",
        "cpp",
        "go",
        "javascript",
        None,
    ]
    assert named_language("java_train_0.jsonl.gz") == "java"
    assert named_language("train.jsonl") is None
    assert named_language("java-python.jsonl") is None


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("def f(self):\n    return self.x", "python"),
        ("public int getX() {\n  return this.x;\n}", "java"),
        ("const f = (a) => {\n  return a === undefined;\n};", "javascript"),
        ("func (s *Server) Run() error {\n\tx := 1\n\treturn nil\n}", "go"),
        ("static int f(struct a *b)\n{\n  return b->c;\n}", "c"),
        ("int f() {\n  std::vector<int> v;\n  return v.size();\n}", "cpp"),
        ("lorem ipsum", None),
    ],
)
def test_languages_by_look(code: str, language: str | None) -> None:
    assert guess_language([code]) == language
