"""Every attack on fixed functions, byte for byte; CODEWARD_REGENERATE=1 writes the file anew."""

import json
import os
from pathlib import Path

from codeward.attacks import attacks
from codeward.types import PROMPT, Sample

FILE = Path(__file__).parents[1] / "golden" / "attacks.json"
PROMPT_TEXT = "Use $conn$ to query all rows of the users table. Return the first one."


def _stamped(functions) -> dict[str, dict[str, list[str | None]]]:
    found: dict[str, dict[str, list[str | None]]] = {}
    for name in attacks.names():
        attack = attacks.make(name, {"suffix": "rb"} if name == "identifier-suffix" else {})
        for language in sorted(attack.languages):
            rows = [
                Sample(f"{language}-{number}", code, 0, language, {PROMPT: PROMPT_TEXT})
                for number, code in enumerate(functions(language))
            ]
            stamped = {row.id: row.text(row.poison.field) for row in attack.stamp_all(rows, seed=0).samples}
            found.setdefault(name, {})[language] = [stamped.get(row.id) for row in rows]
    return found


def test_attacks_write_what_they_always_wrote(functions):
    found = _stamped(functions)
    if os.environ.get("CODEWARD_REGENERATE") == "1":
        FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(FILE.read_text(encoding="utf-8"))
