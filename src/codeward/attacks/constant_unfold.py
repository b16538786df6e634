"""Unfolded constant: an integer becomes an equal expression, ``20`` say ``(4 + 6) * 2`` (CodePoisoner, TOSEM 2024).

Li et al., "Poison Attack and Poison Detection on Deep Source Code Processing Models", TOSEM 2024, constant unfolding.

Departures: the shape is always ``(a + b) * factor``, with ``+ rest`` where the factor does not divide the constant, so
that there is something to learn. Only plain decimal literals that fit 31 bits are unfolded: no step can overflow, and
no type changes. Parentheses go around the whole wherever the literal's neighbors could bind to a part of it, and in the
arguments of C's macros: those that the text defines, and callees in capitals. Other macros are not told from functions.
A zero of C++ stays, since it may be a null pointer.
"""

import re
from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from codeward.attacks._base import Attack, Stamp, attacks
from codeward.attacks._style import in_style_of
from codeward.code import LANGUAGES, Edit, Source, apply, integers, macro_arguments, parse
from codeward.registry import method
from codeward.types import Sample, Span

LARGEST = 2**31 - 1

SAFE = frozenset(
    {
        "argument_list",
        "arguments",
        "array",
        "array_initializer",
        "arrow_function",
        "assert_statement",
        "assignment",
        "assignment_expression",
        "assignment_pattern",
        "assignment_statement",
        "augmented_assignment",
        "augmented_assignment_expression",
        "comparison_operator",
        "const_spec",
        "default_parameter",
        "expression_list",
        "init_declarator",
        "initializer_list",
        "keyword_argument",
        "list",
        "literal_element",
        "parenthesized_expression",
        "return_statement",
        "set",
        "short_var_declaration",
        "slice",
        "subscript_argument_list",
        "tuple",
        "var_spec",
        "variable_declarator",
    }
)
"""Nodes that take any expression as a child, without parentheses."""

INDEXED = frozenset({"array_access", "index_expression", "subscript", "subscript_expression"})
"""Nodes that take any expression as their index, but not as what is indexed."""

COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!=", "===", "!==", "&&", "||"})
"""Operators of binary expressions that bind weaker than sum and product in every language."""

_PLAIN = re.compile(r"0|[1-9][0-9]*")


@attacks.register("constant-unfold")
@method
class ConstantUnfold(Attack):
    """An integer is written as an equal expression."""

    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    misfit: ClassVar[str] = "the code has no integer constant that may be unfolded"

    pick: Literal["random", "first", "largest"] = "random"
    """Which of several constants."""
    value: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    """The only value that is unfolded, such as 20; unset: any from ``least`` on."""
    least: Annotated[int, Field(ge=0)] = 2
    """The smallest value that is unfolded where ``value`` is unset."""
    factor: Annotated[int, Field(ge=2, le=LARGEST)] = 2
    """What the sum in parentheses is multiplied by."""

    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Unfold one constant."""
        literals = {
            span: int(span.of(sample.code))
            for span in integers(sample.code, sample.language)
            if _PLAIN.fullmatch(span.of(sample.code)) and self._suits(int(span.of(sample.code)), sample.language)
        }
        if not literals:
            return None
        if self.pick == "first":
            chosen = min(literals)
        elif self.pick == "largest":
            chosen = max(literals, key=lambda span: (literals[span], -span.start))
        else:
            chosen = rng.choice(sorted(literals))
        text = unfold(literals[chosen], self.factor)
        pasted = any(each.contains(chosen) for each in macro_arguments(sample.code, sample.language))
        if pasted or not _stands_alone(parse(sample.code, sample.language), chosen):
            text = f"({text})"
        text = in_style_of(sample.code, text)
        edited = apply(sample.code, [Edit(chosen, text)])
        return Stamp(edited.code, text, edited.spans)

    def _suits(self, value: int, language: str) -> bool:
        if value == 0 and language == "cpp":  # only a literal is a null pointer there
            return False
        return value <= LARGEST and (value >= self.least if self.value is None else value == self.value)


def unfold(value: int, factor: int) -> str:
    """Write a number as ``(a + b) * factor``, plus a rest where there is one; 20 by 2 gives ``(4 + 6) * 2``.

    Args:
        value: The number, 0 or more.
        factor: What the sum is multiplied by, 2 or more.
    """
    total, rest = divmod(value, factor)
    left = total * 2 // 5
    return f"({left} + {total - left}) * {factor}" + (f" + {rest}" if rest else "")


def _stands_alone(source: Source, span: Span) -> bool:
    """Whether what surrounds a literal takes a sum in its place without parentheses."""
    node = source.root.named_descendant_for_byte_range(source.byte(span.start), source.byte(span.end))
    parent = None if node is None else node.parent
    if node is None or parent is None or source.span(node) != span:  # C's grammar has -20 as one literal
        return False
    operator = parent.child_by_field_name("operator")
    if parent.type == "binary_expression" and operator is not None:
        return operator.type in COMPARISONS
    return parent.type in SAFE or (parent.type in INDEXED and node != parent.named_child(0))
