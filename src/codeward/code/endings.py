"""Statements of Java and Go behind which nothing may stand, since they never come to an end; where in doubt, they do not."""

from codeward.code.tree import Tree

_LEAVING = frozenset({"return_statement", "throw_statement", "goto_statement", "yield_statement"})
_HOLDING = frozenset({"block", "statement_list", "labeled_statement", "synchronized_statement", "finally_clause"})
_CHOOSING = frozenset({"switch_expression", "expression_switch_statement", "type_switch_statement", "select_statement"})
_TRYING = frozenset({"try_statement", "try_with_resources_statement"})
_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})


def leaves(tree: Tree, node: int) -> bool:
    """Whether what stands behind a statement is never reached, as the compiler sees it."""
    kind = tree.kinds[node]
    if kind in _LEAVING:
        return True
    if kind == "expression_statement":
        return tree.words(node).startswith("panic(")
    inner = [each for each in tree.children(node) if tree.kinds[each] not in _COMMENTS]
    if kind in _HOLDING:
        return bool(inner) and leaves(tree, inner[-1])
    if kind == "if_statement":
        first, second = tree.child(node, "consequence"), tree.child(node, "alternative")
        return first is not None and second is not None and leaves(tree, first) and leaves(tree, second)
    if kind in ("while_statement", "for_statement", "do_statement"):
        return _is_endless(tree, node)
    if kind in _CHOOSING:
        return _leaves_within(tree, node)
    if kind in _TRYING:
        return all(
            leaves(tree, _last(tree, each)) for each in inner if tree.kinds[each] in ("block", "catch_clause")
        ) or any(tree.kinds[each] == "finally_clause" and leaves(tree, each) for each in inner)
    return False


def _last(tree: Tree, node: int) -> int:
    """Return the block of a clause, or the block itself."""
    return tree.child(node, "body") or node


def _is_endless(tree: Tree, node: int) -> bool:
    """Whether a loop has no condition, or one that is always true."""
    condition, body = tree.child(node, "condition"), tree.child(node, "body")
    if condition is not None:
        return tree.words(condition).strip("() ") == "true" or (
            tree.kinds[node] == "do_statement" and _ends(tree, body)
        )
    inner = [each for each in tree.children(node) if tree.kinds[each] not in _COMMENTS]
    if tree.kinds[inner[0]] == "for_clause":  # Go: for i := 0; ; i++ {}
        return tree.child(inner[0], "condition") is None
    return tree.fields[inner[0]] in ("init", "update", "body")


def _ends(tree: Tree, body: int | None) -> bool:
    return body is not None and leaves(tree, body)


def _leaves_within(tree: Tree, node: int) -> bool:
    return any(tree.kinds[each] in _LEAVING for each in tree.within(node)) or "panic(" in tree.words(node)
