"""Encoding: the fast way gives what the tokenizer's own call gives."""

import pytest
import transformers

from codeward.types import OTHER, QUERY, Sample
from codeward.victims.encode import Encoder


@pytest.mark.parametrize("kind", ["classification", "pair", "retrieval", "generation"])
@pytest.mark.parametrize("name", ["mini-encoder", "mini-decoder"])
def test_many_rows_are_encoded_as_one_is(tiny_zoo, name, kind):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / name)
    encoder = Encoder(tokenizer, kind, 24, 8)
    rows = [
        Sample(
            str(n),
            f"int f{n}(int a) {{ return <unk> + a * {n}; }} // é ☃",
            0,
            "c",
            {OTHER: "int g;" * n, QUERY: "q " * n},
        )
        for n in range(12)
    ]
    for field in ("code", QUERY):
        many = encoder.inputs(rows, field)
        assert many == [encoder.inputs([row], field)[0] for row in rows]
        assert max(len(row["input_ids"]) for row in many) <= 24
    assert encoder.inputs([]) == []
    assert encoder.references([]) == []


def test_halves_of_characters_are_read_as_one_mark(tiny_zoo):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")
    encoder = Encoder(tokenizer, "classification", 24, 8)
    odd, mark = (Sample("s", f"return {text};", 0, "c") for text in ("\ud800", "\ufffd"))
    assert encoder.inputs([odd, odd]) == encoder.inputs([mark, mark])
    assert encoder.reach([odd]) == [len(odd.code)]
