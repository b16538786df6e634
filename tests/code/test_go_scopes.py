"""Whom a name means in Go."""

import pytest

from codeward.code import identifiers, rename
from codeward.errors import CodeError

CASES = {
    "a parameter": "func f(«x» int) int { return «x» + p.x }",
    "a parameter that := assigns again": "func f(«err» error) { x, «err» := g(); h(x, «err») }",
    "a named result": "func f() (n int, «err» error) { n, «err» = g(); return n, «err» }",
    ":= in a block": "func f(«x» int) { if true { x := 1; g(x) }; g(«x») }",
    "its own right side is the outer one": "func f(«x» int) { { x := «x» + 1; g(x) }; g(«x») }",
    "the inner one": "func f(x int) { { «x» := x + 1; g(«x») }; g(x) }",
    ":= again in the same block": "func f() { «x», y := 1, 2; «x», z := 3, 4; g(«x», y, z) }",
    "if and its else": "func f(x int) { if «x» := g(); «x» > 0 { h(«x») } else { h(«x») }; h(x) }",
    "for": "func f(i int) { for «i» := 0; «i» < 3; «i»++ { g(«i») }; g(i) }",
    "range": "func f(x []int) { for i, «x» := range x { g(i, «x») } }",
    "the ranged over": "func f(«x» []int) { for i, x := range «x» { g(i, x) }; g(«x») }",
    "range that assigns": "func f(«x» int) { for «x» = range y { }; g(«x») }",
    "a type switch": "func f(«x» any) { switch x := «x».(type) { case int: g(x) }; g(«x») }",
    "its variable": "func f(x any) { switch «x» := x.(type) { case int: g(«x»); default: g(«x») } }",
    "cases have scopes": "func f(x int) { switch x { case 1: «y» := 1; g(«y»); case 2: y := 2; g(y) } }",
    "select": "func f(x int) { select { case «x» := <-c: g(«x»); case x = <-c: g(x) } }",
    "a function literal": "func f(x int) { g(func(«x» int) int { return «x» }); g(x) }",
    "a closure": "func f(«x» int) { g(func() int { return «x» }) }",
    "a field's key": "func f(«x» int) T { return T{x: «x», y: T{x: 1}} }",
    "a map's key": "func f(«x» int) any { return map[int]int{«x»: 1} }",
    "a key in a slice of structs": "func f(«x» int) any { return []T{{x: «x»}, {x: 1}} }",
    "a key in a map of maps": 'func f(«x» int) any { return map[string]map[int]int{"a": {«x»: 1}} }',
    "a key of a type of the text": "type H map[int]int\nfunc f(«x» int) any { return H{«x»: 1} }",
    "an array's index": "const «n» = 2\nfunc f() any { return [...]int{«n»: 1} }",
    "a label": "func f(«x» int) { x: for { break x }; g(«x») }",
    "the label": "func f(x int) { «x»: for { continue «x» }; g(x) }",
    "a method": "func (s *T) «Push»(x int) { s.«Push»(x) }\nfunc (t T) g() { t.«Push»(1) }",
    "a package and a variable": "func f() { «path» := path.Join(); g(«path») }",
    "an index that looks like a type": "func f(«fns» []func(int), i int) { «fns»[i](1) }",
    "var and const": "func f() { var «x» int = 1; const y = 2; g(«x», y) }",
    "var of the file": "var «x» = 1\nfunc f() int { return «x» }\nfunc g(x int) int { return x }",
    "a function before its declaration": "func f() { «g»() }\nfunc «g»() { }",
    "type parameters": "func f[«K» comparable, V any](m map[«K»]V) «K» { var k «K»; return k }",
    "a parameter of a function's type": "func f(g func(x int) int, «x» int) int { return g(«x») }",
}


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_whom_a_name_means(meant, marked):
    meant("go", marked)


FIXED = {
    "main": "func «main»() { }",
    "a method that others have": "func (s *T) «Len»() int { return s.list.Len() }",
    "a method of an interface of the library": "func (e E) «Error»() string { return e.s }",
    "the same method of two types": "func (a A) «f»() { }\nfunc (b B) f() { }",
}


@pytest.mark.parametrize("marked", FIXED.values(), ids=FIXED)
def test_what_cannot_be_renamed_safely_is_refused(meant, marked):
    found = meant("go", marked)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(marked.replace("«", "").replace("»", ""), "go", found, "fresh")


def test_the_blank_name_is_no_variable():
    assert [each.role.value for each in identifiers("func f() { _, x := g(); _ = x }", "go") if each.name == "_"] == [
        "other"
    ]


def test_roles():
    code = "func (s *T) f(a int) error { v := s.k; return fmt.Errorf(v, a, New()) }"
    roles = [(each.name, each.role.value) for each in identifiers(code, "go")]
    assert roles == [
        ("s", "parameter"), ("T", "type"), ("f", "function"), ("a", "parameter"), ("int", "type"), ("error", "type"),
        ("v", "variable"), ("k", "field"), ("fmt", "other"), ("Errorf", "field"), ("New", "other"),
    ]  # fmt: skip
