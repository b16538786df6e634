"""Whom a name means in Python."""

import pytest

from codeward.code import Role, identifiers, rename
from codeward.errors import CodeError

CASES = {
    "a parameter and its uses": "def f(«x»):\n    y = «x» + 1\n    return «x»\n",
    "an attribute of the same name is another": "def f(«x»):\n    self.x = «x»\n    return other.x\n",
    "a keyword of a call elsewhere is another": "def f(«x»):\n    return g(x=«x»)\n",
    "strings and comments hold none": "def f(«x»):\n    # x is x\n    return 'x' + «x»\n",
    "a string with an interpolation": "def f(«x»):\n    return f'x {«x»} {«x»!r:>{«x»}}'\n",
    "a default belongs to the outside": "«x» = 1\ndef f(x=«x»):\n    return x\n",
    "the parameter with a default": "x = 1\ndef f(«x»=x):\n    return «x»\n",
    "an annotation belongs to the outside": "«x» = int\ndef f(x: «x») -> «x»:\n    return x\n",
    "a decorator belongs to the outside": "«x» = 1\n@g(«x»)\ndef f(x):\n    return x\n",
    "a nested function sees the outer variable": "def f(«x»):\n    def g():\n        return «x»\n    return g\n",
    "a nested parameter hides it": "def f(«x»):\n    def g(x):\n        return x\n    return g(«x»)\n",
    "a nested assignment hides it": "def f(«x»):\n    def g():\n        x = 1\n        return x\n    return «x»\n",
    "a nested use before the assignment is local too": "x = 1\ndef f():\n    print(«x»)\n    «x» = 2\n",
    "nonlocal": "def f():\n    «x» = 1\n    def g():\n        nonlocal «x»\n        «x» += 1\n    return «x»\n",
    "nonlocal through two functions": (
        "def f():\n    «x» = 1\n    def g():\n        nonlocal «x»\n        def h():\n            nonlocal «x»\n"
        "            «x» = 2\n        return h\n    return g\n"
    ),
    "nonlocal skips a class": "def f():\n    «x» = 1\n    class A:\n        x = 2\n        def g(self):\n            nonlocal «x»\n"
    "            «x» = 3\n",
    "global": "«x» = 1\ndef f():\n    global «x»\n    «x» = 2\ndef g(x):\n    return x\n",
    "global in a function within one": "«x» = 1\ndef f():\n    x = 3\n    def g():\n        global «x»\n        «x» = 2\n",
    "a comprehension has its own": "def f(x):\n    return [«x» for «x» in x if «x»]\n",
    "its first iterable is outside": "def f(«x»):\n    return [x for x in «x»]\n",
    "its second iterable is inside": "def f(y):\n    return [a for «x» in y for a in «x»]\n",
    "a generator, a set and a mapping": "def f(«x»):\n    return (x for x in «x»), {x for x in «x»}, {x: 1 for x in «x»}\n",
    "a walrus in a comprehension is outside": "def f(y):\n    a = [«x» for b in y if («x» := b)]\n    return «x»\n",
    "a lambda": "def f(x):\n    return lambda «x», y=x: «x» + y\n",
    "for and its else": "def f():\n    for «x», (y, *z) in g():\n        print(«x»)\n    else:\n        return «x»\n",
    "with": "def f():\n    with open('a') as «x», «x».b as (y, z):\n        return «x»\n",
    "except": "def f():\n    try:\n        pass\n    except (A, B) as «x»:\n        raise «x»\n",
    "del": "def f():\n    «x» = 1\n    del «x»\n",
    "an annotation makes it local": "x = 1\ndef f():\n    «x»: int\n    return «x»\n",
    "a starred target": "def f(a):\n    b, *«x» = a\n    return «x»\n",
    "targets that are no names": "def f(«x»):\n    «x».a = 1\n    «x»[«x»] = 2\n    («x».b, c) = 3\n",
    "parameters of all kinds": "def f(a, /, b: int, *«x», c=1, **d):\n    return «x»\n",
    "two parameters of Python 2": "def f(a, (b, «x»)):\n    return «x»\n",
    "except of Python 2": "def f():\n    try:\n        pass\n    except A, «x»:\n        print «x»\n",
    "a class body and its methods": "x = 1\nclass A:\n    «x» = 2\n    y = «x»\n    def f(self):\n        return self.«x»\n",
    "a method does not see the class": "«x» = 1\nclass A:\n    x = 2\n    def f(self):\n        return «x»\n",
    "a capture in a pattern": "def f(a):\n    match a:\n        case [«x», *y]:\n            return «x»\n",
    "as, or and mapping in patterns": "def f(a):\n    match a:\n        case {'k': «x»} | (1 as «x»):\n            return «x»\n",
    "a class pattern and its keywords": "def f(a, «x»):\n    match a:\n        case P(x=1, y=b):\n            return «x»\n",
    "a dotted value in a pattern": "def f(a, «x»):\n    match a:\n        case «x».y:\n            return y\n",
    "a guard": "def f(a):\n    match a:\n        case «x» if «x» > 1:\n            return «x»\n",
    "type parameters": "def f[«T»](x: «T») -> «T»:\n    return x\n",
    "a conditional import": "def f(x):\n    from «json» import loads\n    return json\n",
    "an import and its uses": "import «json»\ndef f(x):\n    return «json».loads(x.json)\n",
    "an import with another name": "from a import x as «b»\ndef f():\n    return «b», x\n",
    "a function that calls itself": "def «f»(n):\n    return n and «f»(n - 1)\n",
    "a method through self": "class A:\n    def «f»(self):\n        return self.«f»()\n    def g(self):\n        return f(self.«f»)\n",
    "a lone method through self": "def «f»(self):\n    return self.«f»()\n",
    "a nested function keeps self": "class A:\n    def «f»(self):\n        def g():\n            return self.«f»()\n",
    "an identifier beyond ASCII": "def f(«größe»):\n    return '€' + «größe»\n",
}  # fmt: skip


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_whom_a_name_means(meant, marked):
    meant("python", marked)


KEYWORDS = {
    "a direct call": "def f(«x»):\n    return «x»\nprint(f(«x»=1), x)\n",
    "two calls and another function's keyword": "def f(«x»):\n    return «x»\nf(«x»=g(x=1))\nf(1, «x»=2)\n",
    "a method through self": "class A:\n    def f(self, «x»):\n        return «x»\n    def g(self):\n        return self.f(«x»=1)\n",
    "a constructor": "class A:\n    def __init__(self, «x»):\n        self.x = «x»\na = A(«x»=1)\n",
    "cls": "class A:\n    def __init__(self, «x»):\n        self.y = «x»\n    @classmethod\n    def make(cls):\n        return cls(«x»=1)\n",
    "a recursion in a lone method": "def f(self, «x»):\n    return self.f(«x»=«x» - 1)\n",
    "the base class's method": "def f(self, «x»):\n    return super().f(x=«x»)\n",
}


@pytest.mark.parametrize("marked", KEYWORDS.values(), ids=KEYWORDS)
def test_a_keyword_of_a_known_function_is_its_parameter(meant, marked):
    assert not meant("python", marked).fixed


FIXED = {
    "**": "def f(«x»):\n    return «x»\nf(**d)\n",
    "another object's method": "class A:\n    def f(self, «x»):\n        return «x»\ndef g(a):\n    return a.f(x=1)\n",
    "two methods of one name": (
        "class A:\n    def f(self, «x»):\n        return self.f(x=1)\nclass B:\n    def f(self, x):\n        return x\n"
    ),
    "a function that is handed on": "def f(«x»):\n    return «x»\ng = partial(f, x=1)\n",
    "a function under another name": "def f(«x»):\n    return «x»\ng = f\ng(x=1)\n",
    "keywords as strings": "def f(«x»):\n    return «x»\nThread(target=f, kwargs={'x': 1})\n",
    "a decorator's string": "@given('x', 1)\ndef f(«x»):\n    return «x»\n",
    "locals": "def f(«x»):\n    return '%(x)s' % locals()\n",
    "eval in a nested function": "def f(«x»):\n    def g():\n        return eval('x')\n    return g()\n",
    "vars": "def f(«x»):\n    return vars()\n",
    "exec of Python 2": "def f(«x»):\n    exec 'y = x'\n    return «x»\n",
    "an f-string that shows the name": "def f(«x»):\n    return f'{«x»=}'\n",
    "a method read by its name": "class A:\n    def «f»(self):\n        return getattr(self, 'f')\n",
    "a member read by attrgetter": "class A:\n    def «f»(self):\n        return operator.attrgetter('f.g')\n",
    "an exported function": "__all__ = ['f']\ndef «f»(a):\n    return a\n",
    "a parameter of a lambda": "k = lambda «x»=1: «x»\nk(x=3)\n",
    "a keyword of a class statement": "class S:\n    def __init_subclass__(cls, «tag»=None):\n        cls.tag = «tag»\nclass T(S, tag='t'):\n    pass\n",
    "a special method": "class A:\n    def «__len__»(self):\n        return 1\n",
    "a method that others have": "class A:\n    def «f»(self):\n        return self.b.f()\n",
    "a path of modules": "import «os».path\nprint(«os».path)\n",
}


@pytest.mark.parametrize("marked", FIXED.values(), ids=FIXED)
def test_what_cannot_be_renamed_safely_is_refused(meant, marked):
    found = meant("python", marked)
    assert found.fixed
    with pytest.raises(CodeError, match=f"'{found.name}' cannot be renamed: "):
        rename(marked.replace("«", "").replace("»", ""), "python", found, "new_name")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def f(x):\n    return vars(x)\n", "x"),
        ("def f(x):\n    return model.eval(x)\n", "x"),
        ("def f(x):\n    return f'{x == 1}' + f'{x!r}'\n", "x"),
        ("k = lambda x: x\nk(1)\n", "x"),
        ("def f(x):\n    return getattr(y, 'x')\n", "x"),
        ("@wraps(g)\ndef f(x):\n    return h(y=x)\n", "x"),
        ("def f(x):\n    return h(x=x)\n", "x"),
        ("def g(k):\n    eval('k')\ndef f(x):\n    return x\n", "x"),
    ],
)
def test_what_only_looks_alike_is_not_refused(code, name):
    assert not any(
        each.fixed for each in identifiers(code, "python") if each.name == name and each.role is Role.PARAMETER
    )


def test_roles():
    code = (
        "import os\nclass A(Base):\n    size = 1\n    def run(self, n, *rest, key=None):\n        total = helper(n, key=key)\n"
        "        self.total = total.size\n        return os.sep\n"
    )
    roles = [(each.name, each.role.value) for each in identifiers(code, "python")]
    assert roles == [
        ("os", "other"), ("A", "type"), ("Base", "other"), ("size", "field"), ("run", "function"), ("self", "parameter"),
        ("n", "parameter"), ("rest", "parameter"), ("key", "parameter"), ("total", "variable"), ("helper", "other"),
        ("key", "field"), ("total", "field"), ("sep", "field"),
    ]  # fmt: skip


def test_a_global_of_another_place_is_no_variable_of_this_text():
    code = "def f():\n    global count\n    count += 1\n"
    assert [each.role for each in identifiers(code, "python") if each.name == "count"] == [Role.OTHER]


def test_every_identifier_of_a_file_is_listed_once(golden):
    import io
    import keyword
    import tokenize

    for code in golden("python"):
        found = sorted(span for each in identifiers(code, "python") for span in each.spans)
        assert len(found) == len(set(found))
        names = [span.of(code) for span in found]
        if "{" not in code:
            tokens = tokenize.generate_tokens(io.StringIO(code).readline)
            expected = [
                each.string for each in tokens if each.type == tokenize.NAME and not keyword.iskeyword(each.string)
            ]
            assert names == expected
