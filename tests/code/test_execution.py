"""Edited Python code is run: it does what it did before, in hand-written functions and in hundreds of drawn ones."""

import builtins
import dis
import types
from random import Random

import pytest

from codeward.code import Role, apply, identifiers, insert_statement, remove_statement, rename, statements
from codeward.errors import CodeError

DECLARED = (Role.VARIABLE, Role.PARAMETER, Role.FUNCTION, Role.TYPE)
DEAD = 'if 1 < 0: raise Exception("fail")'

WRITTEN = {
    "closures": "def f(n):\n    total = 0\n    def add(k):\n        nonlocal total\n        total += k\n        return total\n"
    "    return [add(i) for i in range(n)], total\n",
    "shadowing": "x = 5\ndef f(n):\n    y = [x for x in range(n)]\n    g = lambda x, n=x: x * n\n    return y, g(3), x, n\n",
    "keywords": "def g(a, *rest, b=2, **more):\n    return a, rest, b, more\ndef f(n):\n    return g(n, b=n), g(a=n, c=1), g(b=3, a=n)\n",
    "a class": "class A:\n    k = 3\n    def __init__(self, k):\n        self.k = k\n    def add(self, n=k):\n        return self.k + n\n"
    "    def twice(self):\n        return self.add(n=2) * self.add()\ndef f(n):\n    return A(k=n).twice(), A.k\n",
    "globals": "count = 0\ndef step(by=1):\n    global count\n    count += by\n    return count\ndef f(n):\n    return step(), step(by=n), count\n",
    "exceptions": "def f(n):\n    try:\n        return 1 // (n - n)\n    except (ZeroDivisionError, ValueError) as e:\n        n = type(e).__name__\n"
    "    finally:\n        k = n\n    return k\n",
    "patterns": "def f(n):\n    out = []\n    for v in [(1, 2), {'k': n}, [n, 1, 2], n]:\n        match v:\n            case (a, b) if a < b: out.append((b, a))\n"
    "            case {'k': a, **r}: out.append((a, r))\n            case [a, *b]: out.append((a, b))\n            case int() as a: out.append(a)\n    return out\n",
    "walrus": "def f(n):\n    a = [b for c in range(n) if (b := c * 2) > 1]\n    return a, b\n",
    "f-strings": "def f(n):\n    w = 7\n    return f'{n!r:>{w}} n {n + 1} {{n}} {f\"{n}\"}'\n",
    "recursion": "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n",
    "generators": "def g(n):\n    while n:\n        n -= 1\n        m = yield n\n        n = m or n\ndef f(n):\n    return list(g(n)), sum(n for n in g(n=n))\n",
    "decorators": "def twice(g):\n    def h(n, *a, **k):\n        return g(n, *a, **k) * 2\n    return h\n@twice\ndef g(n, m=1):\n    return n + m\n"
    "def f(n):\n    return g(n), g(n, 2), g(n, m=3)\n",
    "deletion": "def f(n):\n    a = b = n\n    del a\n    try:\n        return a\n    except UnboundLocalError:\n        return b\n",
    "with": "from contextlib import nullcontext as c\ndef f(n):\n    with c(n) as a, c((a, n)) as (b, d):\n        return a, b, d, n\n",
    "docstring": 'def f(n):\n    """Do it."""\n    return f.__doc__, n\n',
    "one line": "def f(n): m = n + 1; return m * n\n",
}  # fmt: skip


RAISED = {name for name in dir(builtins) if name.endswith("Error")}


def run(code: str) -> object:
    """Return what ``f(3)`` gives, or the kind of error that it raises."""
    scope: dict[str, object] = {"__name__": "text"}
    try:
        exec(code, scope)
        return repr(scope["f"](3))
    except Exception as error:  # noqa: BLE001 - whatever it raises is compared
        return type(error).__name__


def check_edits(code: str) -> int:
    """Rename everything that may be, insert and take away a statement that never runs; return how much was renamed."""
    before = run(code)
    count = 0
    for each in identifiers(code, "python"):
        if each.role not in DECLARED or each.name == "f":
            continue
        try:
            edited = rename(code, "python", each, "fresh_name")
        except CodeError:
            assert each.fixed
            continue
        count += 1
        assert run(edited.code) == before, f"{each.name}\n{edited.code}"
        again = insert_statement(edited.code, "python", DEAD, at="first")
        assert run(again.code) == before
    for at in ("first", "last", 0):
        edited = insert_statement(code, "python", DEAD, at=at)
        assert run(edited.code) == before, edited.code
        inserted = next(each for each in statements(edited.code, "python") if each.span == edited.spans[0])
        assert run(remove_statement(edited.code, "python", inserted).code) == before
    return count


@pytest.mark.parametrize("code", WRITTEN.values(), ids=WRITTEN)
def test_written_functions_do_what_they_did(code):
    assert run(code) not in RAISED
    assert check_edits(code) > 0


NAMES = "abcx"


def _expression(rng: Random, depth: int) -> str:
    name, other = rng.choice(NAMES), rng.choice(NAMES)
    if depth <= 0:
        return rng.choice([name, name, str(rng.randrange(9))])

    def inner() -> str:
        return _expression(rng, depth - 1)

    return rng.choice([
        lambda: f"({inner()} + {inner()})",
        lambda: f"({inner()} if {inner()} else {inner()})",
        lambda: f"sum([{inner()} for {name} in (1, {inner()}) if {other} is not None])",
        lambda: f"sum({inner()} for {name} in (2, 3) for {other} in (1, {inner()}))",
        lambda: f"len({{{inner()}: {inner()} for {name} in (1, 2)}})",
        lambda: f"(lambda {name}, {other}{other}={inner()}: {inner()})({inner()})",
        lambda: f"({name} := {inner()})",
        lambda: f"len(f'{{{inner()}}} {name} {{{inner()}!r:>{{7}}}}')",
        lambda: f"box.{name}",
        lambda: f"dict({name}={inner()})['{name}']",
    ])()  # fmt: skip


def _block(rng: Random, depth: int, indent: str) -> list[str]:
    lines: list[str] = []
    for _ in range(rng.randint(1, 3)):
        lines += _guarded(rng, _statement(rng, depth, indent + "    "), indent)
    return lines


def _guarded(rng: Random, lines: list[str], indent: str) -> list[str]:
    """Put a statement into a ``try``, so that a name without a value does not end the function."""
    return [f"{indent}try:", *lines, f"{indent}except (NameError, TypeError): {rng.choice(NAMES)} = 4"]


def _statement(rng: Random, depth: int, indent: str) -> list[str]:
    name, other = rng.choice(NAMES), rng.choice(NAMES)
    value = _expression(rng, 2)
    simple = [
        [f"{indent}{name} = {value}"],
        [f"{indent}{name} += {value}"],
        [f"{indent}{name}, *{other}_ = {value}, {other}"],
        [f"{indent}box.{name} = {value}"],
        [f"{indent}out.append({value})"],
        [f"{indent}out.append(('{name}', {name}))"],
        [f"{indent}{name}: int = {value}; out.append({name})"],
        [f"{indent}del {name}"],
    ]
    if depth <= 0:
        return rng.choice(simple)
    body = _block(rng, depth - 1, indent + "    ")
    keep = rng.choice(["", f"{indent}    nonlocal {other}", f"{indent}    global {other}"])
    function = f"g{depth}{name}"
    compound = [
        [f"{indent}if {value}:", *body, f"{indent}else:", *_block(rng, depth - 1, indent + "    ")],
        [f"{indent}for {name} in (1, {value}):", *body],
        [f"{indent}try:", f"{indent}    raise ValueError({value})", f"{indent}except ValueError as {name}:", *body],
        [f"{indent}with nullcontext({value}) as {name}:", *body],
        [
            f"{indent}class A:",
            f"{indent}    {name} = {value}",
            f"{indent}    {other} = {name}",
            f"{indent}out.append(A.{name})",
        ],
        [
            f"{indent}def {function}({name}, k={value}):",
            *([keep] if keep and other != name else []),
            *body,
            f"{indent}    return {_expression(rng, 1)}",
            f"{indent}out.append({function}({rng.choice([f'{name}=', ''])}{_expression(rng, 1)}))",
            f"{indent}{other} = {function}(1, k={_expression(rng, 1)})",
        ],
    ]
    return rng.choice([*compound, compound[-1], rng.choice(simple)])


def _program(seed: int) -> str:
    rng = Random(seed)
    lines = ["from contextlib import nullcontext", "class Box: a = 1; b = 2; c = 3; x = 4", "box = Box()", "out = []"]
    lines += [f"{name} = {number}" for number, name in enumerate(NAMES)]
    lines += ["def f(x, a=2):", "    b = 7"]
    for _ in range(3):
        lines += _guarded(rng, _statement(rng, 2, "        "), "    ")
    return "\n".join([*lines, "    return out", ""])


def test_drawn_functions_do_what_they_did():
    ran = renamed = 0
    for seed in range(250):
        code = _program(seed)
        try:
            compile(code, "text", "exec")
        except SyntaxError:
            continue
        ran += isinstance(run(code), str)
        renamed += check_edits(code)
    assert ran >= 90
    assert renamed >= 1_500


def test_two_edits_at_once_are_those_one_by_one():
    code = "def f(n):\n    a = n\n    b = a + n\n    return a, b\n"
    names = {each.name: each for each in identifiers(code, "python")}
    both = apply(code, [*rename(code, "python", names["a"], "p").edits, *rename(code, "python", names["b"], "q").edits])
    first = rename(code, "python", names["a"], "p").code
    second = next(each for each in identifiers(first, "python") if each.name == "b")
    assert both.code == rename(first, "python", second, "q").code
    assert run(both.code) == run(code) == "(3, 6)"


def shape(code: types.CodeType, back: dict[str, str]) -> object:
    """Return what a compiled text does, with names mapped back."""

    def plain(value: object) -> object:
        if isinstance(value, types.CodeType):
            return shape(value, back)
        if isinstance(value, tuple):
            return tuple(plain(part) for part in value)
        if isinstance(value, frozenset):
            return sorted(map(repr, value))
        return back.get(value, value) if isinstance(value, str) else repr(value)

    names = [tuple(plain(part) for part in part) for part in (code.co_varnames, code.co_names)]
    cells = [sorted(map(str, map(plain, part))) for part in (code.co_cellvars, code.co_freevars)]
    return (
        [instruction.opname for instruction in dis.get_instructions(code)],
        names,
        cells,
        {repr(plain(each)) for each in code.co_consts},
    )


def test_real_functions_compile_to_the_same(rows):
    rng = Random(3)
    same = 0
    for code in rng.sample(rows("code-search-python/test.jsonl.gz", "code"), 250):
        before = compile(code, "text", "exec")
        for each in identifiers(code, "python"):
            if each.role in (Role.VARIABLE, Role.PARAMETER) and not each.fixed:
                after = compile(rename(code, "python", each, "fresh_name").code, "text", "exec")
                assert shape(after, {"fresh_name": each.name}) == shape(before, {}), each
                same += 1
    assert same > 500
