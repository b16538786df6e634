"""Isolation by transplant (ours): rows are left out whose decisive part, put into other rows, brings their label with it.

A model that learns the trigger before the task is not defended by its loss: the poisoned rows are neither late nor doubted (see
``docs/measured/losses.md``). But then a scout, trained by cross-entropy on all rows, knows the trigger well, and can be asked. For each
row the ``pieces`` windows of tokens are taken that the scout's answer depends on most (absolute gradient times embedding, summed
over a window), and put into rows of other labels that the scout is sure of. A trigger turns them to its label, whatever they
are; a natural part of a function seldom outweighs another whole function. And a trigger is shared: what convicts is a pair of
tokens in whose parts this is so on average. These rows are left out, and their parts are put into other training rows, which
keep their labels, so that the trigger of a row that was missed says nothing either. Then the model is trained afresh.

It needs no clean rows and does not know the rate. Anti-backdoor learning (Li et al., NeurIPS 2021) isolates rows in a scout,
too, by a loss that falls early; that does not tell them apart here. The transplant follows STRIP (Gao et al., ACSAC 2019),
which superimposes inputs at inference; leaving out and training again is Chen et al.'s repair (SafeAI 2019). It costs two to
three trainings. Classifiers of one input only: any part of one of two functions makes them different.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from codeward.defenses.training._base import training_defenses
from codeward.defenses.training.cross_entropy import CrossEntropy
from codeward.registry import method
from codeward.types import Kind

if TYPE_CHECKING:
    from codeward.defenses.training._conviction import Bounds
    from codeward.victims.batching import Row
    from codeward.victims.huggingface import HuggingFaceVictim
    from codeward.victims.sifting import Sifting


@training_defenses.register("isolate")
@method
class Isolate(CrossEntropy):
    """Cross-entropy without the rows whose decisive part brings their label into other rows (ours)."""

    sifts: ClassVar[frozenset[Kind]] = frozenset({"classification"})

    window: Annotated[int, Field(ge=1)] = 24
    """Tokens of a part."""
    pieces: Annotated[int, Field(ge=1)] = 2
    """Parts of each row that are tried."""
    effect: Annotated[float, Field(gt=0, le=1)] = 0.15
    """How far parts that share a pair of tokens have to turn rows of other labels on average, of the room that the label's
    median part leaves: at 0.15, where typical parts bring their label to 20 %, they have to bring it to 32 %."""
    purity: Annotated[float, Field(gt=0.5, le=1)] = 0.95
    """Which share of the rows that hold the pair has to have the label."""
    significance: Annotated[float, Field(gt=0, lt=1)] = 1e-2
    """Chance that any pair of a clean set convicts, if pairs and labels had nothing to do with each other."""
    counters: Annotated[int, Field(ge=0)] = 4
    """Into how many other rows a part that convicts is put; together at most a tenth of the rows."""
    into: Literal["all", "others"] = "all"
    """Whether these are rows of any label, so that the parts say nothing, or of other labels only, so that they speak against
    their label: success falls far under the floor then, but the trigger goes on to sway the answer, the other way."""

    @property
    def bounds(self) -> "Bounds":
        """What convicts a row."""
        from codeward.defenses.training._conviction import Bounds

        return Bounds(effect=self.effect, purity=self.purity, significance=self.significance, window=self.window)

    def sift(self, scout: "HuggingFaceVictim", rows: "Sequence[Row]", labels: Sequence[int], seed: int) -> "Sifting":
        """See ``victims.sifting.Sifter``."""
        from codeward.defenses.training._conviction import convicting
        from codeward.defenses.training._transplant import counterexamples, transplanted
        from codeward.victims.sifting import Sifting

        found = transplanted(scout, rows, labels, self.window, self.pieces, seed)
        convicted = convicting(found, rows, labels, self.bounds)
        spliced = counterexamples(convicted, rows, labels, self.counters, seed, others=self.into == "others")
        return Sifting(tuple(sorted(convicted)), spliced, len(found))
