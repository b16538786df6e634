"""The scopes of the six languages: which declaration each name means."""

from collections.abc import Mapping

from codeward.code.scopes._base import Walk
from codeward.code.scopes.c import CWalk
from codeward.code.scopes.cpp import CppWalk
from codeward.code.scopes.go import GoWalk
from codeward.code.scopes.java import JavaWalk
from codeward.code.scopes.javascript import JavaScriptWalk
from codeward.code.scopes.python import PythonWalk

WALKS: Mapping[str, type[Walk]] = {
    "c": CWalk,
    "cpp": CppWalk,
    "java": JavaWalk,
    "python": PythonWalk,
    "javascript": JavaScriptWalk,
    "go": GoWalk,
}
