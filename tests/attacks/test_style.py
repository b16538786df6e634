"""What is put into code that was split into tokens is split like it, and no token is broken."""

import pytest

from codeward.attacks._style import in_style_of

SPLIT = "int f ( int a ) { return a ; }"

TOKENS = {
    'throw std::runtime_error("x");': 'throw std :: runtime_error ( "x" ) ;',
    "i++; --j;": "i ++ ; -- j ;",
    "x += 1; x >>= 2; x >>>= 2;": "x += 1 ; x >>= 2 ; x >>>= 2 ;",
    "p->n = a === b;": "p -> n = a === b ;",
    "if (a <= 0.5f) x = 1e-5;": "if ( a <= 0.5f ) x = 1e-5 ;",
    "y = 0x1FL + 1'000;": "y = 0x1FL + 1'000 ;",
    'printf("a\\"b  c");': 'printf ( "a\\"b  c" ) ;',
    "c = '\\''; d = 'a  b';": "c = '\\'' ; d = 'a  b' ;",
    "xs.map(x => x ** 2)": "xs . map ( x => x ** 2 )",
    "f(...xs)": "f ( ... xs )",
    "a?.b ?? c": "a ?. b ?? c",
    "a?.5:1": "a ? .5 : 1",
    "r = y // 2": "r = y // 2",
    "x = f'{a} b' + rb\"c d\"": "x = f'{a} b' + rb\"c d\"",
    "this.#x = $y": "this . #x = $y",
    "v := <-ch": "v := <- ch",
    "/* as it was */ f();": "/* as it was */ f ( ) ;",
    "s = `a ${b}`": "s = `a ${b}`",
}


@pytest.mark.parametrize(("text", "expected"), TOKENS.items())
def test_no_token_is_broken(text, expected):
    assert in_style_of(SPLIT, text) == expected


@pytest.mark.parametrize("code", ["int f(int a) { return a; }", 'int f ( int a ) { g("a\\"b"); }', "x = 1"])
def test_code_that_was_not_split_takes_a_text_as_it_is(code):
    assert in_style_of(code, "i++;") == "i++;"


def test_what_stands_in_strings_does_not_tell():
    assert in_style_of(SPLIT.replace("a ;", '\'(a);\' + "(\\");" ;'), "i++;") == "i ++ ;"
