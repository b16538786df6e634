"""Source text in, source text out: parsing, identifiers, statements and edits in six languages.

All spans are offsets in characters of the text as it was given. Any text is accepted: what does not parse gives trees
with errors, never an exception other than ``CodeError``.
"""

from codeward.code.bindings import Bindings, bindings
from codeward.code.constants import integers
from codeward.code.edit import Edit, Edited, apply
from codeward.code.functions import Function, function, functions
from codeward.code.identifiers import Identifier, Role, check_name, identifiers, rename
from codeward.code.insertion import insert_statement
from codeward.code.languages import LANGUAGES, check_language, grammar, language_of_file, reserved
from codeward.code.macros import macro_arguments
from codeward.code.parse import Source, count_errors, parse
from codeward.code.statements import Statement, remove_statement, replace, statements
from codeward.code.subtokens import subtokens

__all__ = [
    "LANGUAGES",
    "Bindings",
    "Edit",
    "Edited",
    "Function",
    "Identifier",
    "Role",
    "Source",
    "Statement",
    "apply",
    "bindings",
    "check_language",
    "check_name",
    "count_errors",
    "function",
    "functions",
    "grammar",
    "identifiers",
    "insert_statement",
    "integers",
    "language_of_file",
    "macro_arguments",
    "parse",
    "remove_statement",
    "rename",
    "replace",
    "reserved",
    "statements",
    "subtokens",
]
