"""Whom a name means in C and C++."""

import pytest

from codeward.code import Role, count_errors, identifiers, rename
from codeward.errors import CodeError

C_CASES = {
    "a parameter": "int f(int «x»)\n{\n\treturn «x» + p->x + q.x;\n}\n",
    "an inner block hides it": "int f(void) { int «x» = 1; { int x = 2; g(x); } return «x»; }",
    "the inner one": "int f(int x) { { g(x); int «x» = 2; g(«x»); } return x; }",
    "a loop variable": "int f(int i) { for (int «i» = 0; «i» < 3; «i»++) g(«i»); return i; }",
    "its own initializer": "int f(void) { int «x» = sizeof(«x»); return «x»; }",
    "several declarators": "void f(void) { int a, *«x»[3] = {0}, (*y)(int x); g(«x»[0], a, y); }",
    "a parameter of a callback's type is another": "int f(int (*cb)(int x), int «x») { return cb(«x»); }",
    "the callback": "int f(int (*«cb»)(int x), int x) { return «cb»(x); }",
    "designated initializers": "void f(int «x») { struct s t = { .x = «x», .y = { [0] = «x» } }; }",
    "a tag and a variable": "struct x { int x; };\nint f(struct x *«x») { return «x»->x + sizeof(struct x); }",
    "a label": "int f(int «x») { if («x») goto x; x: return «x»; }",
    "the label itself": "int f(int x) { if (x) goto «x»; «x»: return x; }",
    "the address of a label": "int f(int x) { void *p = &&«x»; «x»: return x; }",
    "a cast, not a product": "int f(int «x», int y) { return («x») * y + («x») & y; }",
    "sizeof": "int f(int «x») { return sizeof «x» + sizeof(«x») + sizeof(int); }",
    "a declaration of Kernighan and Ritchie": "int f(a, «x») int a; char *«x»; { return a + *«x»; }",
    "no return type": "f(int «x»)\n{\n\treturn «x»;\n}\n",
    "branches of the preprocessor": "int f(void) {\n#ifdef A\nint «x» = 1;\n#else\nlong «x» = 2;\n#endif\nreturn «x»;\n}\n",
    "a name that the preprocessor tests": "int f(int «x») {\n#if defined(x)\n#endif\n#ifdef x\n#endif\nreturn «x»;\n}\n",
    "assembly": 'int f(int «x») { asm("%[x]" : [x] "=r"(«x») : "r"(«x»)); return «x»; }',
    "an attribute": "int f(int «unused» __attribute__((unused))) { return «unused»; }",
    "a member as an argument": "void f(int *«list») { struct s *p = container_of(«list», struct s, list); g(p, «list»); }",
    "a member as an argument of a macro": "int f(struct q *«next») { QTAILQ_FOREACH(a, «next», next) g(a); return 0; }",
    "a statement expression": "int f(int x) { return ({ int «x» = 1; «x» + 2; }) + x; }",
    "a function and its prototype": "int «f»(int);\nint «f»(int x) { return x ? «f»(x - 1) : 0; }",
    "a global": "static int «x» = 1;\nint f(void) { return «x»; }\nint g(int x) { return x; }",
    "a function as a value": "int «f»(int x) { return x; }\nint (*p)(int) = «f»;",
    "a macro that loops": "void f(int «x») { for_each(«x») { g(«x»); } }",
    "a function that returns a function": "void (*«f»(int x, void (*g)(int)))(int) { return g; }",
    "a type that has the variable's name elsewhere": "int f(T «x») { «x» * y; return «x»; }",
    "a compound literal": "void f(int «x») { g((struct s){ .x = «x» }, &(int){ «x» }); }",
    "beyond ASCII": 'int f(int «x») { return g("ä€😀", «x»); } /* ü */',
}


@pytest.mark.parametrize("marked", C_CASES.values(), ids=C_CASES)
def test_whom_a_name_means_in_c(meant, marked):
    meant("c", marked)


CPP_CASES = {
    "a range": "int f(V «v») { for (auto &v : «v») g(v); return «v».v; }",
    "the variable of a range": "int f(V v) { for (auto &«v» : v) g(«v»); return v.v; }",
    "a structured binding": "void f(M m) { for (auto &[«k», v] : m) g(«k», v); auto [a, b] = m; }",
    "a lambda and what it captures": "int f(int «x») { auto l = [«x», &y](int z) { return «x» + z; }; return l(«x»); }",
    "a parameter of a lambda": "int f(int x) { auto l = [=](int «x») { return «x»; }; return l(x); }",
    "a new name in a capture": "int f(int x) { return [«y» = x](int z) { return «y» + z; }(x); }",
    "a condition": "void f() { if (auto «p» = g()) { h(«p»); } else h(«p»); h(p); }",
    "an initializer in if": "void f(int x) { if (int «x» = g(); «x» > 1) h(«x»); h(x); }",
    "catch": "void f(int e) { try { g(e); } catch (const E &«e») { h(«e».what()); } }",
    "a constructor call that looks like a function": "int f(int «n») { vector<int> v(«n»); Foo w(«n» * «n»); return v[0]; }",
    "the variable made by it": "int f(int n) { Foo «v»(n); return «v».size(); }",
    "members seen by methods": "class A { int x_; int f(int «x») { return x_ + this->x + «x»; } };",
    "a member itself": "class A { int «x»; int f() { return «x» + this->«x»; } int g(int x) { return x; } };",
    "a method": "class A { void «f»(); void g() { «f»(); this->«f»(); } };\nvoid A::«f»() { «f»(); A::«f»(); ns::f(); }",
    "a class and its constructors": "class «A» { «A»(int a); ~«A»(); };\n«A»::«A»(int a) {}\n«A»::~«A»() {}\n«A» *p;",
    "an initializer list": "A::A(int «x») : x(«x»), y{«x»} { g(«x»); }",
    "a template": "template <typename T, int N> T f(T «x») { T y(«x»); return «x» + N; }",
    "a parameter of a template": "template <int «N»> int f(int x) { return x + «N»; }",
    "a qualified name": "int f(int «cout») { std::cout << «cout»; return «cout»; }",
    "a scoped enumerator": "enum class E { x };\nint f(int «x») { return «x» + (int)E::x; }",
    "an unscoped enumerator": "enum E { «X», Y };\nint f() { return «X»; }",
    "a default argument": "const int «n» = 3;\nint f(int x = «n») { return x; }",
}


@pytest.mark.parametrize("marked", CPP_CASES.values(), ids=CPP_CASES)
def test_whom_a_name_means_in_cpp(meant, marked):
    meant("cpp", marked)


FIXED = {
    "a macro of the same name": "#define x y\nint f(int «x») { return «x»; }",
    "an external variable": "int f(void) { extern int «x»; return «x»; }",
    "a function of another file": "int «g»(int);\nint f(void) { return «g»(1); }",
    "a local prototype": "int f(void) { int «g»(int a); return «g»(1); }",
    "main": "int «main»(void) { return 0; }",
}


@pytest.mark.parametrize("marked", FIXED.values(), ids=FIXED)
def test_what_cannot_be_renamed_safely_is_refused(meant, marked):
    found = meant("c", marked)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(marked.replace("«", "").replace("»", ""), "c", found, "fresh")


@pytest.mark.parametrize(
    "code",
    [
        "int f(int x) {\n#define TWICE (x * 2)\nreturn TWICE;\n}",
        "#define INC(y) (x += (y))\nint f(int x) { INC(1); return x; }",
        "int f(int x) { FOO(x) BAR( ; } } int x; return x",
    ],
)
def test_a_name_in_the_body_of_a_macro_or_in_broken_code_is_refused(code):
    found = next(each for each in identifiers(code, "c") if each.name == "x" and each.role is Role.PARAMETER)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(code, "c", found, "fresh")


def test_a_new_name_in_the_body_of_a_macro_is_taken():
    code = "#define INC(y) (fresh += (y))\nint f(int x) { return x; }"
    found = next(each for each in identifiers(code, "c") if each.name == "x")
    with pytest.raises(CodeError, match="'fresh' already stands in the code"):
        rename(code, "c", found, "fresh")


def test_roles():
    code = "struct s { int a; };\nint f(struct s *p, T n) { int v = LIMIT; out: return g(v, p->a); }"
    roles = [(each.name, each.role.value) for each in identifiers(code, "c")]
    assert roles == [
        ("s", "type"), ("a", "field"), ("f", "function"), ("p", "parameter"), ("T", "type"), ("n", "parameter"),
        ("v", "variable"), ("LIMIT", "other"), ("out", "other"), ("g", "other"),
    ]  # fmt: skip


def test_words_that_only_a_parser_in_trouble_takes_for_names_are_none():
    code = "int f(void) { x = container_of(a, struct foo, b); return x; }"
    assert count_errors(code, "c") > 0
    assert not {"struct", "return", "int"} & {each.name for each in identifiers(code, "c")}


def test_a_header_of_cpp_read_as_c_gives_its_names():
    code = (
        "class EXPORT A {\n  char operator[](size_t n) const {\ninline bool operator==(const A& x, const A& y) {\n"
        "    (memcmp(x.data(), y.data(), x.size()) == 0));\n}"
    )
    assert {"A", "x", "y"} <= {each.name for each in identifiers(code, "c")}
