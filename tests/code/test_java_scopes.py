"""Whom a name means in Java."""

import pytest

from codeward.code import identifiers, rename
from codeward.errors import CodeError

CASES = {
    "a parameter, not the field": "void setX(int «x») { this.x = «x»; other.x = 1; }",
    "a field": "class A { int «x»; int f() { return «x» + this.«x»; } int g(int x) { return x; } }",
    "a local after a use of the field": "class A { int x; void f() { x = 1; int «x» = 2; g(«x»); } }",
    "a method and a variable of one name": "int «size»(int size) { return «size»(size) + this.«size»(1); }",
    "the variable": "int size(int «size») { return size(«size»); }",
    "blocks": "void f() { { int «x» = 1; g(«x»); } { int x = 2; g(x); } }",
    "for": "void f(int n) { for (int «i» = 0; «i» < n; «i»++) g(«i»); for (int i = 0;;) g(i); }",
    "for each": "void f(List x) { for (String «s» : x) { g(«s»); } for (String s : x) g(s); }",
    "the iterable of for each": "void f(List «s») { for (String t : «s») { g(t.s); } }",
    "try with resources": "void f() { try (R «r» = open(); «r») { g(«r»); } }",
    "catch": "void f(int x) { try { g(e); } catch (A | B «e») { g(«e»); } }",
    "a lambda": "void f(int x) { g(«y» -> «y» + x); g((a, b) -> a + b); }",
    "a variable seen by a lambda": "void f(int «x») { g(y -> y + «x»); g(() -> { return «x»; }); }",
    "a lambda with types": "void f() { g((int «x») -> { int y = «x»; return «x»; }); }",
    "a pattern": "boolean f(Object o) { return o instanceof Foo «x» && «x».y > 0; }",
    "a pattern that flows out": "int f(Object o) { if (!(o instanceof Foo «x»)) return 0; return «x».y; }",
    "a record pattern": "void f(Object o) { if (o instanceof P(int «u», var v)) g(«u», v); }",
    "a switch": "void f(int x) { switch (x) { case 1: int «y» = 2; break; default: «y» = 3; } }",
    "a label": "void f(int «x») { x: while («x» > 0) { break x; } }",
    "the label": "void f(int x) { «x»: while (x > 0) { continue «x»; } }",
    "an anonymous class": "void f(int «x») { g(new A() { int y; void h() { y = «x»; this.x = 1; } }); }",
    "its field hides the variable": "void f(int «x») { g(new A() { int x; void h() { x = 1; } }); h(«x»); }",
    "a method of the text, called in a lambda": "class A { void «f»() { g(() -> «f»()); g(this::«f»); } }",
    "an overload elsewhere": "int «f»(int x) { return f(x, 1) + «f»(2) + this.f() + this.«f»(3) + f(); }",
    "one with any number of arguments": "int «f»(int x, A... y) { return f() + «f»(1) + «f»(1, y) + «f»(1, 2, 3); }",
    "two of another number": "class A { void «f»() { «f»(); «f»(1); f(1, 2); } void «f»(int x) { } }",
    "comments between arguments": "int «f»(int x) { return «f»(/* y, */ x); }",
    "overloads": "class A { void «f»(int x) { «f»(\"\"); } void «f»(String s) { } }",
    "a package and a type": "void f(int «java») { java.util.List x = g(«java»); }",
    "an array and its length": "int f(int[] «a») { return «a»[0] + «a».length + length; }",
    "varargs and final": "void f(final int a, String... «b») { g(a, «b».length); }",
    "a type and its constructor": "class «A» { «A»() {} static «A» of() { return new «A»(); } int g() { return «A».x; } }",
    "a record's components": "record P(int «x», int y) { P { if («x» < 0) throw e; } int z() { return «x» + this.«x»; } }",
    "a constant of an enumeration": "enum E { «A», B; E next() { return this == «A» ? B : E.«A»; } }",
    "an inherited method": "class B extends A { int g() { return «run»() + this.«run»() + super.«run»(); } }\nclass A { int «run»() { return 1; } }",
    "an inherited method before one around": "class A<T> { int «run»() { return 1; } }\nclass C { int run(int a) { return 9; } class D extends A<T> { int g() { return «run»(); } } }",
    "an inherited field": "class B extends p.A { int g() { return «v»; } }\nclass A { int «v» = 3; }",
    "a constant of an interface": "interface I { int «K» = 3; }\nclass B implements I { int g() { return «K»; } }",
    "an annotation's key": "@A(x = 1) void f(int «x») { g(«x»); }",
    "abstracted names": "public void METHOD_1 ( TYPE_1 «VAR_1» ) { «VAR_1» . METHOD_2 ( ) ; VAR_2 = «VAR_1» ; }",
}  # fmt: skip


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_whom_a_name_means(meant, marked):
    meant("java", marked)


FIXED = {
    "an overriding method": "@Override public void «close»() { }",
    "a method of an anonymous class": "Runnable f() { return new Runnable() { public void «run»() { } }; }",
    "a method that others have": "int «depth»() { return 1 + left.depth(); }",
    "the same method of two classes": "class A { void «f»() { } }\nclass B { void f() { } }",
    "a name that the language calls": "public String «toString»() { return s; }",
    "a method that a class may have inherited": "class C { int «n»() { return 1; } Object o = new Base() { int g() { return «n»(); } }; }",
    "a method that another class calls": "class C { int «n»() { return 1; } }\nclass D { int g() { return n(); } }",
    "a case label": "void f(int x) { final int «A» = 1; switch (x) { case «A»: g(); } }",
}


@pytest.mark.parametrize("marked", FIXED.values(), ids=FIXED)
def test_what_cannot_be_renamed_safely_is_refused(meant, marked):
    found = meant("java", marked)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(marked.replace("«", "").replace("»", ""), "java", found, "fresh")


def test_the_base_class_s_method_stays():
    code = "int size() { return super.size() + size(); }"
    found = next(each for each in identifiers(code, "java") if each.name == "size")
    assert rename(code, "java", found, "count").code == "int count() { return super.size() + count(); }"


def test_roles():
    code = "@A public List<T> f(String s) throws E { int n = s.length(); this.k = K.of(n); return g(n); }"
    roles = [(each.name, each.role.value) for each in identifiers(code, "java")]
    assert roles == [
        ("A", "type"), ("List", "type"), ("T", "type"), ("f", "function"), ("String", "type"), ("s", "parameter"),
        ("E", "type"), ("n", "variable"), ("length", "field"), ("k", "field"), ("K", "other"), ("of", "field"),
        ("g", "other"),
    ]  # fmt: skip
