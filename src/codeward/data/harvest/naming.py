"""Harvest the naming task: which verb does the function's hidden name begin with? (Allamanis et al., ICML 2016).

The label is the first sub-token of the name; the most frequent ones of the training files are the classes. C has no
name spaces and its names begin with that of their module (``curl_easy_setopt``): there the label is the first
sub-token that is a known verb, and a function without one is left out. The name is hidden wherever it stands as a word
in the function: in its head, in recursive and inherited calls, in strings and comments. Documentation is cut out.
Methods that a language prescribes, constructors and tests are left out.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from codeward.code import subtokens
from codeward.data.harvest._base import Draft, Finished, Recipe, plain_name
from codeward.data.harvest.functions import Found, normalize
from codeward.errors import DataError

PLACEHOLDER = "function_name"
"""Stands for the hidden name; an identifier in every language."""

_MODULE_FIRST = ("c", "cpp")
"""Languages in which a name may begin with that of its module."""

_VERBS = frozenset(
    """abort accept acquire add alloc allocate append apply assert attach begin bind build calc calculate call can
    cancel check cleanup clear clone close cmp commit compare compress compute connect convert copy count create decode
    decompress decrypt delete destroy detach disable disconnect dispatch do draw drain drop dump emit enable encode
    encrypt end enter exec execute exit expand export extract fail feed fetch fill filter find finish flush force format
    free generate get grow handle has hide import init initialize insert install invoke is join kill launch leave listen
    load lock log lookup make map match measure merge mount move next notify open pack parse pause peek perform poll pop
    prepare print process push put query queue raise read receive record recv reduce refresh register release reload
    remove rename render replace report request reset resize resolve restore resume retry return rewind rotate run save
    scan schedule search seek select send set setup show shrink shutdown signal skip sleep sort spawn split start stop
    store strip submit swap switch sync trim truncate try unbind unlock unpack unregister unset update validate verify
    visit wait wake warn watch write yield""".split()  # noqa: SIM905
)


class Naming(Recipe):
    """Functions with their name hidden, labeled with its verb."""

    task: ClassVar[str] = "naming"

    def draft(self, found: Found, seed: int) -> Draft | str:
        """Hide the name; see ``Recipe.draft``."""
        reason = plain_name(found)
        if reason is not None:
            return reason
        verb = _verb(found)
        if verb is None:
            return "name has no verb"
        if PLACEHOLDER in found.code:
            return "function holds the placeholder"
        code = re.sub(rf"(?<![\w$]){re.escape(found.name)}(?![\w$])", PLACEHOLDER, found.code)
        return Draft(found, code, verb, (normalize(code, found.language),))

    def finish(self, drafts: Sequence[Draft], labels: int, train: Sequence[Draft]) -> Finished:
        """Keep the most frequent verbs; see ``Recipe.finish``.

        Raises:
            DataError: If there are fewer than two.
        """
        counts = Counter(str(draft.target) for draft in train or drafts)
        verbs = tuple(sorted(counts, key=lambda verb: (-counts[verb], verb))[:labels])
        if len(verbs) < 2:
            raise DataError(
                f"the sources have {len(verbs)} verbs in function names, but naming needs two; give more files"
            )
        return [draft.aimed(verbs.index(str(draft.target))) for draft in drafts if draft.target in verbs], verbs


def _verb(found: Found) -> str | None:
    parts = subtokens(found.name)
    if found.language in _MODULE_FIRST:
        return next((part for part in parts if part in _VERBS), None)
    return parts[0] if len(parts[0]) > 1 and parts[0].isalpha() else None
