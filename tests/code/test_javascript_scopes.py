"""Whom a name means in JavaScript, and what a renamed variable needs around it."""

import pytest

from codeward.code import identifiers, rename
from codeward.errors import CodeError

CASES = {
    "a parameter": "function f(«x», y = «x») { return «x» + y.x + g({ x: 1 }); }",
    "let in a block": "function f(x) { { let «x» = 1; g(«x»); } return x; }",
    "a use before let": "function f(x) { { g(«x»); let «x» = 1; } return x; }",
    "var in a block": "function f() { if (a) { var «x» = 1; } return «x»; }",
    "var in a nested function": "function f(«x») { g(function () { var x = 2; return x; }); return «x»; }",
    "a function in a block": "function f() { if (a) { function «g»() {} } return «g»; }",
    "a function before its declaration": "function f() { return «g»(); function «g»() {} }",
    "a named function expression": "const a = function «f»(n) { return «f»(n - 1); }; f();",
    "an arrow function": "const f = «x» => «x» + y.x; const g = async (x) => x;",
    "a closure": "function f(«x») { return () => { g(«x»); }; }",
    "a destructured parameter": "function f({ a, b: «x», ...c }, [d, , e] = []) { return «x» + b; }",
    "destructuring in place": "function f(«x») { [«x», y.x] = g(); ({ b: «x» } = h()); return «x»; }",
    "for of": "function f(x) { for (const «x» of y) g(«x»); return x; }",
    "for in without a declaration": "function f(«x») { for («x» in y) g(«x»); return «x»; }",
    "for of with var": "function f() { for (var «x» of y) {} return «x»; }",
    "for": "function f(i) { for (let «i» = 0; «i» < 2; «i»++) g(«i»); return i; }",
    "catch": "function f(e) { try {} catch («e») { g(«e»); } return e; }",
    "a label": "function f(«x») { x: for (;;) { continue x; } return «x»; }",
    "the label": "function f(x) { «x»: for (;;) { break «x»; } return x; }",
    "a template": "function f(«x») { return `x ${«x»} ${`${«x»}`}`; }",
    "a class": "class «A» extends B { static of() { return new «A»(); } }",
    "a method": "class A { «f»() { return this.«f»() + f(); } }",
    "members": "class A { x = 1; #x = 2; f(«x») { this.x = «x»; return this.#x; } }",
    "a key and a computed key": "function f(«x») { return { x: «x», [«x»]: 1, x() {}, get x() { return «x»; } }; }",
    "optional chaining": "function f(«x») { return «x»?.x?.[«x»]; }",
    "an import": "import «x», { y } from 'm'; export const z = () => «x»(y);",
    "an import of a whole module": "import * as «x» from 'x'; «x».x();",
    "switch": "function f(x) { switch (x) { case 1: let «y» = 2; case 2: g(«y»); } }",
    "JSX": "function f({ a }) { const «Box» = g(); return <«Box» a={a}><b>Box</b></«Box»>; }",
    "an element of HTML": "function f(«b») { return <b>{«b»}</b>; }",
    "a generator": "function* «f»(x) { yield x; yield* «f»(x); }",
    "names that are keywords elsewhere": "function f(«of») { const get = «of»; return get; }",
}


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_whom_a_name_means(meant, marked):
    meant("javascript", marked)


RENAMED = [
    ("function f(x) { return { x, y: x }; }", "function f(new_x) { return { x: new_x, y: new_x }; }"),
    ("function f({ x, y }) { return x; }", "function f({ x: new_x, y }) { return new_x; }"),
    ("function f({ x = 1 }) { return x; }", "function f({ x: new_x = 1 }) { return new_x; }"),
    ("let x; ({ x, y } = g());", "let new_x; ({ x: new_x, y } = g());"),
    ("const { a: { x } } = b; g(x);", "const { a: { x: new_x } } = b; g(new_x);"),
    ("const x = 1; export { x };", "const new_x = 1; export { new_x as x };"),
    ("const x = 1; export { x as y };", "const new_x = 1; export { new_x as y };"),
    ("import { x } from 'm'; x();", "import { x as new_x } from 'm'; new_x();"),
    ("import { y as x } from 'm'; x();", "import { y as new_x } from 'm'; new_x();"),
]


@pytest.mark.parametrize(("code", "expected"), RENAMED)
def test_short_forms_keep_the_name_that_others_see(code, expected):
    found = next(each for each in identifiers(code, "javascript") if each.name == "x")
    edited = rename(code, "javascript", found, "new_x")
    assert edited.code == expected
    assert {span.of(edited.code) for span in edited.spans} == {"new_x"}
    assert len(edited.spans) == len(found.spans)


FIXED = {
    "eval": "function f(«x») { return eval('x'); }",
    "with": "function f(«x», y) { with (y) { return «x»; } }",
    "an exported variable": "export const «x» = 1;",
    "a constructor": "class A { «constructor»() {} }",
    "a method that the language calls": "class A { «toString»() { return 'A'; } }",
    "a method that promises call": "class A { «then»(f) { f(1); } }",
    "a method read by a string": "class A { «m»() { return this['m'](); } }",
    "var in a clause of catch": "function f() { try { g(); } catch («e») { var e = 5; h(«e»); } }",
    "a method that others have": "class A { «f»() { return this.b.f(); } }",
}


@pytest.mark.parametrize("marked", FIXED.values(), ids=FIXED)
def test_what_cannot_be_renamed_safely_is_refused(meant, marked):
    found = meant("javascript", marked)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(marked.replace("«", "").replace("»", ""), "javascript", found, "fresh")


def test_roles():
    code = "function f(a, { b }) { const v = a.c; const g = () => h(v); return { k: g, b }; }"
    roles = [(each.name, each.role.value) for each in identifiers(code, "javascript")]
    assert roles == [
        ("f", "function"), ("a", "parameter"), ("b", "parameter"), ("v", "variable"), ("c", "field"),
        ("g", "function"), ("h", "other"), ("k", "field"),
    ]  # fmt: skip
