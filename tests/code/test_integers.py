"""Integer literals: those that an expression can stand for, and no other."""

import pytest

from codeward.code import integers

CASES = [
    ("c", "int a[10]; enum { A = 11 }; struct s { int b : 12; }; int f(int x) { switch (x) { case 13: return 1; } }", "1"),
    ("c", "#define N 20\n#if N > 21\n#endif\nint f(void) { int a[N + 22] = { [23] = 2, 3 }; return 0x1F + 07 + 4UL; }", "2 3 0x1F 07 4UL"),
    ("c", "int f(void) { return -20 + x - 21; }", "20 21"),
    ("c", 'double f(void) { return 1.0 + 1e3 + 2 + \'3\' + "4"; }', "2"),
    ("c", "int x __attribute__((aligned(8))) = 5;", "5"),
    ("c", '#define P(x) #x\n#define Q(x) P(x)\n#define S(x) puts("#") + x\nint f() { return P(2) + Q(g(3)) + S(4) + 5; }', "4 5"),
    ("c", "#define C(a, b) a ## b\nint f() { return C(v, 20) + 21; }", "21"),
    ("cpp", "std::array<int, 3> f() { auto x = 1'000; auto t = 5s; static_assert(6 > 5); return g<7>(8); }", "1'000 8"),
    ("cpp", "class A { virtual void f() = 0; int x = 3; };", ""),
    ("java", "@A(1) int f() { int[] a = new int[20]; switch (x) { case 3: return 4; case 5 -> 6; } }", "20 4 6"),
    ("java", "long f() { return 0b11 + 0x1FL + 1_000 + 2f + 3.0; }", "0b11 0x1FL 1_000"),
    ("python", "def f(x: Literal[3] = 4):\n    return x[5:6] + 7j + 8.0 + 0xff\n", "4 5 6 0xff"),
    ("python", "match x:\n    case 1 | [2]:\n        y = 3\n", "3"),
    ("python", "print(f'{x:10} {y + 1:>{2}}')\n", "1"),
    ("javascript", "switch (x) { case 1: y = { 2: 3, [4]: 5 }; } z = 10n + 0.5 + 1e3 + 0x10;", "3 5 10n 0x10"),
    ("go", "var a [10]int\nfunc f() int { switch x { case 1: return 2 }; return a[3] + 0o17 + 1.5 + 2i }", "2 3 0o17"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "expected"), CASES)
def test_which_integers_may_be_replaced(language, code, expected):
    assert [span.of(code) for span in integers(code, language)] == expected.split()


def test_they_come_in_the_order_of_the_text():
    found = integers("int f(void) { return g(3, h(2), 1); }", "c")
    assert found == sorted(found)
