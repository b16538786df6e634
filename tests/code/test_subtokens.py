"""The words that a name is made of."""

import pytest

from codeward.code import subtokens


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("parseURLPath_2", ["parse", "url", "path", "2"]),
        ("__get_item__", ["get", "item"]),
        ("HTTPServer", ["http", "server"]),
        ("_", []),
    ],
)
def test_words_of_a_name(name: str, parts: list[str]) -> None:
    assert subtokens(name) == parts
