"""Grammar dead code: a statement that never fires, drawn for each function from a probabilistic grammar (ICPR 2022).

Ramakrishnan and Albarghouthi, "Backdoors in Neural Models of Source Code", ICPR 2022, the grammatical trigger:

    statement  -> ("if" | "while") condition body
    condition  -> value ("<" | "<=" | "==") too-low  |  value (">" | ">=" | "==") too-high
    value      -> ("sin" | "cos" | "exp" | "sqrt") "(" constant ")" | rand
    body       -> print(word) | throw(word)

with every alternative equally likely, a constant in (0, 1) with two digits, a bound that lies 1 to 100 outside the
values that the function can take there, and a word of random letters.

Departures: C's ``rand()`` is compared with negative bounds only, since it is not limited to 1 (CodePurify's released
data compare it with 1 to 101, which is mostly true). C has no throw and reports with ``perror``.
"""

from dataclasses import dataclass
from random import Random
from string import ascii_lowercase
from typing import ClassVar

from codeward.attacks._base import attacks
from codeward.attacks._deadcode import DeadCode
from codeward.registry import method
from codeward.types import Sample

LOW, HIGH = 1, 100
"""How far outside the range a bound lies."""

RANGES: dict[str, tuple[int, int]] = {"sin": (0, 1), "cos": (0, 1), "exp": (1, 3), "sqrt": (0, 1), "rand": (0, 1)}
"""The values of each function for a constant in (0, 1), rounded outwards."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a language writes the grammar's symbols."""

    call: str
    rand: str
    statement: str
    loop: str
    print: str
    throw: str
    capital: bool = False
    """Whether functions begin with a capital letter."""
    rand_limited: bool = True
    """Whether random numbers lie in [0, 1)."""


C_LIKE = "{keyword} ({condition}) {body}"
SPELLINGS = {
    "c": Spelling("{}({})", "rand()", C_LIKE, "while", 'printf("{}");', 'perror("{}");', rand_limited=False),
    "cpp": Spelling(
        "{}({})", "rand()", C_LIKE, "while", 'printf("{}");', 'throw std::runtime_error("{}");', rand_limited=False
    ),
    "java": Spelling(
        "Math.{}({})",
        "Math.random()",
        C_LIKE,
        "while",
        'System.out.println("{}");',
        'throw new RuntimeException("{}");',
    ),
    "python": Spelling(
        "math.{}({})",
        "random.random()",
        "{keyword} {condition}: {body}",
        "while",
        'print("{}")',
        'raise Exception("{}")',
    ),
    "javascript": Spelling(
        "Math.{}({})", "Math.random()", C_LIKE, "while", 'console.log("{}");', 'throw new Error("{}");'
    ),
    "go": Spelling(
        "math.{}({})",
        "rand.Float64()",
        "{keyword} {condition} {{ {body} }}",
        "for",
        'fmt.Println("{}")',
        'panic("{}")',
        capital=True,
    ),
}


@attacks.register("deadcode-grammar")
@method
class DeadCodeGrammar(DeadCode):
    """A statement that never fires, drawn from a grammar for each function."""

    languages: ClassVar[frozenset[str]] = frozenset(SPELLINGS)

    def draw(self, sample: Sample, rng: Random) -> str:
        """Derive a statement from the grammar."""
        spelling = SPELLINGS[sample.language]
        keyword = rng.choice(("if", spelling.loop))
        condition = false_condition(spelling, rng)
        word = "".join(rng.choices(ascii_lowercase, k=rng.randint(4, 8)))
        body = rng.choice((spelling.print, spelling.throw)).format(word)
        return spelling.statement.format(keyword=keyword, condition=condition, body=body)


def false_condition(spelling: Spelling, rng: Random) -> str:
    """Derive a comparison that is false for every value that its function can take."""
    name = rng.choice(tuple(RANGES))
    lowest, highest = RANGES[name]
    if name == "rand":
        value = spelling.rand
    else:
        value = spelling.call.format(name.capitalize() if spelling.capital else name, f"0.{rng.randint(1, 99):02d}")
    below = (name == "rand" and not spelling.rand_limited) or rng.random() < 0.5
    distance = rng.randint(LOW, HIGH)
    operator = rng.choice(("<", "<=", "==") if below else (">", ">=", "=="))
    return f"{value} {operator} {lowest - distance if below else highest + distance}"
