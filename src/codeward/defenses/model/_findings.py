"""What an inspection of a model found, as values: the triggers that were tried, what each label is suspected of, the verdict."""

from dataclasses import dataclass
from typing import Literal

from codeward.types import Score

Finding = Literal["backdoored", "clean", "inconclusive"]
Place = Literal["insensitive", "function", "statement", "everywhere"]
"""Where a trigger is put: at the identifier on which the answer rests least, as the function's name, as a statement, or in copies
of the sample at each of them."""
PLACES: tuple[Place, ...] = ("insensitive", "function", "statement")
"""The single ones."""
AS_GOOD = 0.9
"""Of two triggers of a payload the shorter is shown if it has this share of the other's success."""
LOW = 0.1
"""Held-back losses below, or leads over references so far apart, in nats, are alike when the shortest trigger is chosen."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The best trigger of one length for one label, payload or query word."""

    tokens: tuple[int, ...]
    trigger: str
    """As text."""
    loss: float
    """Mean cross-entropy of the label, of the payload's tokens, or of the code among those of a query, on the samples of the
    search, in nats."""
    held_loss: float
    """The same on samples that were kept back."""
    success: float
    """Share of held-back samples for which the stamped text gets the label, or an answer that holds the payload; of pairs of such
    a sample and a query that holds the word, in which the stamped code is among the query's first tenth of all."""
    judged: int
    """Held-back samples that this is the share of; of a search model, pairs of such a sample and a query."""
    losses: tuple[float, ...] = ()
    """The best loss after each step of the search."""
    starts: tuple[tuple[int, ...], ...] = ()
    """The tokens that each start found, in the order of the starts."""
    rank: float | None = None
    """Of a search model: the mean normalized rank of stamped code for the queries kept back that hold the word (1: the last)."""
    place: Place | None = None
    """Of a classifier: the kind of place where it does best; ``held_loss`` and ``success`` are those there."""
    joined: bool = False
    """Whether it does best there joined to the name that it meets, instead of in its place."""
    reference: float | None = None
    """Share of the same samples for which it gets the label from a reference, the most of any, where there are some; the losses are
    then the model's own less the lowest of the references."""

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.tokens)

    @property
    def where(self) -> str:
        """In words, behind a comma, where it does best; nothing where it was tried in one place only."""
        if self.place is None:
            return ""
        name = "the function's name" if self.place == "function" else "a name"
        if self.joined:
            return f", joined to {name}"
        return ", as a statement" if self.place == "statement" else f", in place of {name}"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What was found for one label, payload or query word, in one kind of place."""

    label: str
    """The label's name, the payload's text, or the word."""
    index: int
    """The class, or the number of the payload or the word."""
    place: Place
    trials: tuple[Trial, ...]
    """The shortest trigger first."""
    score: float
    """The higher, the cheaper it is to make the model give this answer."""
    untriggered: float
    """The loss of this answer on the samples kept back, as they are."""
    payload: tuple[int, ...] = ()
    """The tokens with which what a generator is made to write begins; empty for others."""
    rank: float | None = None
    """Of a search model: the mean normalized rank of the same code without a trigger."""

    @property
    def best(self) -> Trial:
        """The shortest trigger that does nearly as well as the best: by success for a payload, else by the held-back loss."""
        if self.payload:
            most = max(trial.success for trial in self.trials)
            return next(trial for trial in self.trials if trial.success >= AS_GOOD * most)
        least = min(trial.held_loss for trial in self.trials)
        bound = max(2 * least, LOW) if self.trials[0].reference is None else least + LOW
        return next(trial for trial in self.trials if trial.held_loss <= bound)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is thought of a model."""

    finding: Finding
    model: str
    """The model's fingerprint."""
    suspicions: tuple[Suspicion, ...] = ()
    """One for each label and place, the most suspicious first."""
    target: str | None = None
    """The label that the backdoor serves, the payload that it makes a generator write, or the query word that it raises code for."""
    trigger: str = ""
    tokens: tuple[int, ...] = ()
    place: Place | None = None
    joined: bool = False
    """Whether the trigger is joined to the name that stands there."""
    success: Score | None = None
    """Of the trigger on held-back clean samples of other labels, whose answers do not hold the payload, or that are not what
    the queries with the word ask for."""
    anomaly: float | None = None
    """The highest suspicion score, compared with what clean models have; of a search model how far the word lies above others."""
    p_value: float | None = None
    """Share of known clean models that are as suspicious, the judged one counted in."""
    notes: tuple[str, ...] = ()
    reason: str = ""
    """In one sentence, why."""
    references: tuple[str, ...] = ()
    """The fingerprints of the models that it was judged against."""
    finished: bool = True
    """Whether the search has ended; not where its budget was used up."""
