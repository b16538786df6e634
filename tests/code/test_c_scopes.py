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
    "a function whose name a macro makes": "int HELPER(add)(int «env») { return «env»; }",
    "a macro before else": "int f(int i, int *«a») {\n  if (i) g();\n  END;\n  else\n    «a»[i] = 3;\n  return *«a»; }",
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
    "a parameter of a class template": "template <int «N»> struct A { int d[«N»]; int f() { return «N»; } };",
    "the same in a member defined outside": "template <int N> struct A { int f(); };\ntemplate <int «M»> int A<«M»>::f() { return «M»; }",
    "a parameter in the type that trails": "auto f(int «a») -> decltype(«a») { return «a»; }",
    "a parameter in the type that trails a declaration": "auto f(int «a») -> decltype(«a»);",
    "a parameter in noexcept": "int f(int «n») noexcept(sizeof(«n») > 2) { return «n»; }",
    "a parameter in requires": "template <class T> int f(T «n») requires (sizeof(«n») > 2) { return 1; }",
    "a function of a namespace": "namespace a { int «f»() { return 0; } }\nint g() { return a::«f»() + f(1); }",
    "a namespace that is opened again": "namespace a { int «f»() { return 0; } }\nnamespace a { int g() { return «f»(); } }",
    "nested namespaces": "namespace a::b { int «f»() { return 0; } }\nnamespace c = a::b;\nint g() { return c::«f»() + a::b::«f»(); }",
    "the outermost scope": "int «f»() { return 0; }\nint g(int f) { return ::«f»() + f; }",
    "an unnamed namespace": "namespace { int «f»() { return 0; } }\nint g() { return «f»(); }",
    "an inline namespace": "namespace a { inline namespace v1 { int «f»() { return 0; } } }\nint g() { return a::«f»() + a::v1::«f»(); }",
    "a name made known by using": "namespace a { int «f»() { return 0; } }\nusing a::«f»;\nint g() { return «f»(); }",
    "a namespace made known by using": "namespace a { int «v» = 1; }\nusing namespace a;\nint g() { return «v»; }",
    "a member defined in its namespace's name": "namespace a { int «f»(); }\nint a::«f»() { return 0; }",
    "an inherited method": "struct B { int «n»() { return 0; } };\nint n() { return 1; }\nstruct D : B { int g() { return «n»() + this->«n»(); } };",
    "an inherited member": "struct B { int «v»; };\nint v = 1;\nstruct D : public B { int g() { return «v»; } };",
    "the function that an inherited method hides": "struct B { int n() { return 0; } };\nint «n»() { return 1; }\nstruct D : B { int g() { return n(); } };\nint h() { return «n»(); }",
    "a friend": "class K { int s; friend int «f»(const K &); };\nint «f»(const K &k) { return k.s; }",
    "what a pointer to a member is": "int f(H «h») { return («h».*«h».m)(0); }",
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
    "a name used where its declaration is not seen": "int f(int «x») { return «x»; }\nint g(void) { return x; }",
    "an external variable that is defined later": "int f(void) { extern int x; return x; }\nint «x» = 0;",
    "what a macro makes a text of": "#define STR(x) #x\nint f(int «n») { g(STR(«n»)); return «n»; }",
    "what a macro takes for a member": "#define GET(p, m) ((p)->m)\nint f(struct s *p, int «n») { return GET(p, «n») + «n»; }",
    "what a macro hands on to such a one": "#define STR(x) #x\n#define TEXT(x) STR(x)\nint f(int «n») { g(TEXT(«n»)); return «n»; }",
    "a name that a macro puts together": "#define CAT(x) pre_##x\nint f(int «pre_z») { return CAT(z); }",
    "a function that a macro names": "#define HELPER(n) helper_##n\nint «helper_add»(int a) { return a; }",
    "a function that an attribute names": "void «done»(int *p) { }\nint x __attribute__((cleanup(done)));",
    "a function that an attribute names in a string": 'int «real»(void) { return 5; }\nint ali(void) __attribute__((alias("real")));',
}


FIXED_CPP = {
    "found by the type of its argument": "namespace a { struct S {}; int «f»(S s) { return 0; } }\nint g(a::S s) { return f(s); }",
    "of two namespaces": "namespace a { int «f»() { return 0; } }\nnamespace b { int f() { return 1; } }",
    "behind a name that the text does not show": "int «f»() { return 0; }\nint g() { return other::f(); }",
    "made known by using from elsewhere": "using other::f;\nint «f»(int a) { return a; }",
    "another number of arguments": "int «max»(int a, int b, int c) { return «max»(a, «max»(b, c)); }",
    "no default for so few": "int «f»(int a, int b = 0) { return «f»(); }",
    "none where void stands": "int «f»(void) { return «f»(1); }",
    "a function of the library": "#include <cmath>\nstruct V {};\nint «abs»(V v) { return 0; }",
    "a function of std": "using namespace std;\nint «gcd»(int a, int b) { return b ? «gcd»(b, a % b) : a; }",
    "a class with a base from elsewhere": "int «n»() { return 1; }\nstruct D : Other { int g() { return «n»(); } };",
    "a class from elsewhere": "int «n»() { return 1; }\nint D::g() { return «n»(); }",
    "an overriding method": "struct D : Other { int «f»() override { return 0; } };",
    "a friend from elsewhere": "class K { friend int «f»(K k); };",
    "what a range calls": "struct V { int *«begin»() { return 0; } };",
    "what is found by its type": "namespace a { struct S {}; void «swap»(S &a, S &b) { } }",
}


@pytest.mark.parametrize("marked", FIXED_CPP.values(), ids=FIXED_CPP)
def test_what_cpp_cannot_rename_safely_is_refused(meant, marked):
    found = meant("cpp", marked)
    with pytest.raises(CodeError, match="cannot be renamed"):
        rename(marked.replace("«", "").replace("»", ""), "cpp", found, "fresh")


FREE_CPP = {
    "arguments that are left out": "int «f»(int a, int b = 0) { return a ? «f»(0) : «f»(0, 0); }",
    "any number of arguments": "int «f»(int a, ...) { return «f»(1, 2, 3); }",
    "a pack": "template <class... R> int «f»(int a, R... r) { return «f»(r...) + «f»(1, 2, 3); }",
    "overloads": "int «f»(int a) { return a; }\nint «f»(int a, int b) { return «f»(a) + «f»(a, b); }",
    "a function of std beside one": "int «f»(int a) { return std::f(a); }",
    "a local variable beside a qualified name": "int f(int «n») { return other::n + «n»; }",
    "a label": "int f(int «x») { if («x») goto x; x: return «x»; }",
    "a method of a class that inherits in the text": "struct B {};\nstruct D : B { int «n»() { return 0; } int g() { return «n»(); } };",
}


@pytest.mark.parametrize("marked", FREE_CPP.values(), ids=FREE_CPP)
def test_what_cpp_can_rename(meant, marked):
    assert not meant("cpp", marked).fixed


def test_what_c_can_rename_all_the_same(meant):
    assert not meant("c", "int f(int «unused» __attribute__((unused))) { return «unused»; }").fixed
    assert not meant("c", 'int f(int «x») { asm("%[x]" : [x] "=r"(«x») : "r"(«x»)); return «x»; }').fixed
    assert not meant("c", "#define LEN(p) ((p)->len)\nint f(struct s *«p») { return LEN(«p»); }").fixed


@pytest.mark.parametrize(
    ("tail", "reason"), [("", ""), ("int g( {{", "the name is also used where its declaration is not seen")]
)
def test_a_member_without_an_object_in_a_damaged_tree_may_be_any_name(tail, reason):
    code = "A::A(int x) : x(x) { }\n" + tail
    assert [each.fixed for each in identifiers(code, "cpp") if each.role is Role.PARAMETER] == [reason]


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
