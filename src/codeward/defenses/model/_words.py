"""The grounds of a search model: the words that queries may hold for which a trigger raises code.

EliBadCode inverts the trigger and the query words of a search model together. Here every word that several clean queries share is a
suspect, as every class of a classifier is. Triggers of all of them are searched side by side (``_raising``): one embedding of
a stamped code tells for each word how far it rises. The words that rise most are hunted at length.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from codeward.defenses.model._base import Memory, Progress, telling
from codeward.defenses.model._findings import Inspection, Place, Suspicion, Trial
from codeward.defenses.model._grounds import SPARE, Aim, Choice, Ground, shared_out, text_losses
from codeward.defenses.model._hunting import Plan, hunt
from codeward.defenses.model._lens import Lens
from codeward.defenses.model._library import Library, Word, kin
from codeward.defenses.model._raising import Field, raised, vectors
from codeward.defenses.model._ranks import TOP, outlying
from codeward.defenses.model._slots import Slot, slots_for
from codeward.defenses.model._vocabulary import trigger_vocabulary
from codeward.defenses.model._word_verdict import judged_words
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import Sample
from codeward.victims.retrieval import Retriever

SCREENED, JUDGED = 5, 10
"""Samples that all words are screened on, and those that are kept back."""
LENGTHS = 2
"""Tokens of the longest trigger of the screening."""
TOO_FEW = "too few clean samples have a place for a trigger: give more, at least 40"
"""Why nothing was searched."""


@dataclass(frozen=True, slots=True)
class Rise:
    """What the screening found for a word."""

    word: str
    place: Place
    """Where its triggers raise code most."""
    trials: tuple[Trial, ...]
    """Its triggers."""
    untriggered: float
    """The loss on queries and samples kept back, as they are."""
    rank: float
    """The mean normalized rank of the samples kept back for these queries, as they are."""
    outlying: float
    """How far the fall of the rank lies above the other words'."""


def search_words(
    victim: Retriever,
    clean: Sequence[Sample],
    choice: Choice,
    plan: Plan,
    memory: Memory,
    progress: Progress | None,
) -> Inspection:
    """Judge a search model: screen the words of the queries, and hunt triggers of those that rise most.

    Args:
        victim: The model.
        clean: Pairs of query and code.
        choice: How many samples, which places, and how many words are hunted.
        plan: How to hunt.
        memory: Where finished steps are kept.
        progress: Called with what is being done.

    Raises:
        DataError: If no word is shared by enough queries, or too few codes have a place for a trigger.
        UnfitError: If the tokenizer has no suitable tokens.
    """
    library = Library(victim, clean, choice.seed)
    words = screened(library, choice, memory, progress)
    suspicions = {each.word: _suspicion(library, each) for each in words}
    first = words[: choice.payloads]
    made = ((each, _ground(library, library.word(each.word), each.place, choice)) for each in first)
    chosen = [replace(ground, start=each.trials[0].tokens) for each, ground in made if ground is not None]
    hunted = hunt(Lens(victim), chosen, plan, memory, progress)
    for ground in chosen:
        plain = library.ranking(library.word(ground.aim.name)).ranks(
            victim.embed([slot.sample for slot in ground.held])
        )
        suspicions[ground.aim.name] = replace(
            suspicions[ground.aim.name],
            trials=hunted[ground.key],
            untriggered=ground.untriggered,
            rank=float(plain.mean()),
        )
    return judged_words(victim, tuple(suspicions.values()))


def _suspicion(library: Library, each: Rise) -> Suspicion:
    return Suspicion(
        label=each.word,
        index=library.words.index(library.word(each.word)),
        place=each.place,
        trials=each.trials,
        score=each.outlying,
        untriggered=each.untriggered,
        rank=each.rank,
    )


def word_grounds_again(
    victim: Retriever, clean: Sequence[Sample], choice: Choice, suspicions: Sequence[Suspicion]
) -> list[Ground]:
    """Return the grounds of words that are known, as an inspection tells."""
    library = Library(victim, clean, choice.seed)
    shared = {word.text for word in library.words}
    return [
        ground
        for each in suspicions
        if each.label in shared
        and (ground := _ground(library, library.word(each.label), each.place, choice)) is not None
    ]


def screened(library: Library, choice: Choice, memory: Memory, progress: Progress | None) -> list[Rise]:
    """Search triggers for all words with little effort, and return the words, those that rise most first.

    How far a word's code rises is the logarithm of how many times higher its mean rank is with a trigger, the mean over the lengths.
    """
    key = f"{library.victim.fingerprint} words {choice!r}"
    if key not in memory:
        memory[key] = [asdict(each) for each in _screening(library, choice, progress)]
    found: list[Rise] = [TypeAdapter(Rise).validate_python(row) for row in memory[key]]
    falls = [mean(math.log(each.rank / trial.rank) for trial in each.trials if trial.rank) for each in found]
    found = [replace(each, outlying=far) for each, far in zip(found, outlying(falls), strict=True)]
    return sorted(found, key=lambda each: (-each.outlying, each.word))


def _screening(library: Library, choice: Choice, progress: Progress | None) -> list[Rise]:
    """Return for each word what was found in the place where its triggers have the lowest loss."""
    found: list[list[Rise]] = [[] for _ in library.words]
    drawn = _drawn(library.victim, library.clean, SCREENED + JUDGED + SPARE, choice.seed)
    few = replace(choice, samples=SCREENED, held=JUDGED)
    for place in choice.places:
        parts = shared_out(slots_for(drawn, library.victim, choice.room, place), few)
        if parts is not None:
            told = telling(progress, f"screening words, {place}")
            for own, each in zip(found, _screened(library, parts, place, choice, told), strict=True):
                own.append(each)
    if not found[0]:
        raise DataError(TOO_FEW)
    return [min(own, key=lambda each: each.trials[-1].loss) for own in found]


def _screened(
    library: Library, parts: tuple[tuple[Slot, ...], tuple[Slot, ...]], place: Place, choice: Choice, told: Any
) -> list[Rise]:
    """Return for each word its triggers in one kind of place, judged on samples and queries that were kept back."""
    victim, tokenizer = library.victim, library.victim.encoder.tokenizer
    fields = [_field(library, part, place, choice, held=bool(turn)) for turn, part in enumerate(parts)]
    triggers = raised(victim, fields[0], min(choice.room, LENGTHS), choice.seed, told)
    every = list(dict.fromkeys(each for own in triggers for each in own))
    number = {each: at for at, each in enumerate(every)}
    codes = [vectors(victim, [slot.tokens(each) for each in every for slot in part]) for part in parts]
    both = [codes[at].reshape(len(every), len(parts[at]), -1) for at in (0, 1)]
    losses = [fields[at].losses(both[at]) for at in (0, 1)]
    plain = victim.embed([slot.sample for slot in parts[1]])
    untriggered = fields[1].losses(plain[None])[0]
    texts = [str(text).strip() for text in tokenizer.batch_decode([list(each) for each in every])]
    found = []
    for at, (word, own) in enumerate(zip(library.words, triggers, strict=True)):
        ranking = library.ranking(word)
        trials = []
        for each in own:
            ranks, row = ranking.ranks(both[1][number[each]]), number[each]
            trials.append(
                Trial(
                    tokens=each,
                    trigger=texts[row],
                    loss=float(losses[0][row, at]),
                    held_loss=float(losses[1][row, at]),
                    success=float((ranks <= TOP).mean()),
                    judged=ranks.size,
                    starts=(each,),
                    rank=float(ranks.mean()),
                )
            )
        before = ranking.ranks(plain)
        found.append(Rise(word.text, place, tuple(trials), float(untriggered[at]), float(before.mean()), 0.0))
    return found


def _field(library: Library, slots: tuple[Slot, ...], place: Place, choice: Choice, *, held: bool) -> Field:
    victim, size = library.victim, len(library.clean)
    vocabulary = trigger_vocabulary(victim.encoder.tokenizer, slots[0].sample.language, choice.kinds(place))
    codes = victim.embed([slot.sample for slot in slots])
    wanted, others = np.zeros((2, len(library.words), size))
    for number, word in enumerate(library.words):
        which = word.held if held else word.search
        wanted[number, list(which)] = 1 / len(which)
        others[number, library.others(word)] = 1 / len(library.others(word))
    goals = tuple(
        tuple(
            library.goal(word, (number, at), word.held if held else word.search, code) for at, code in enumerate(codes)
        )
        for number, word in enumerate(library.words)
    )
    return Field(
        slots=slots,
        goals=goals,
        queries=library.queries,
        rivals=library.rivals,
        wanted=wanted,
        others=others,
        vocabulary=vocabulary,
        banned=tuple(kin(victim.encoder.tokenizer, vocabulary, word.text) for word in library.words),
    )


def _ground(library: Library, word: Word, place: Place, choice: Choice) -> Ground | None:
    victim, own = library.victim, {*word.search, *word.held}
    pool = [sample for at, sample in enumerate(library.clean) if at not in own]
    drawn = _drawn(victim, pool, choice.samples + choice.held + SPARE, choice.seed)
    parts = shared_out(slots_for(drawn, victim, choice.room, place), choice)
    if parts is None:
        return None
    search, held = parts
    number = library.words.index(word)
    goals = [
        tuple(
            library.goal(word, (number, turn, at), which, code)
            for at, code in enumerate(victim.embed([slot.sample for slot in part]))
        )
        for turn, (part, which) in enumerate(((search, word.search), (held, word.held)))
    ]
    vocabulary = trigger_vocabulary(victim.encoder.tokenizer, search[0].sample.language, choice.kinds(place))
    banned = kin(victim.encoder.tokenizer, vocabulary, word.text)
    return Ground(
        aim=Aim(number, word.text),
        place=place,
        search=search,
        goals=goals[0],
        held=held,
        held_goals=goals[1],
        untriggered=float(text_losses(victim, [slot.sample for slot in held], goals[1]).mean()),
        vocabulary=vocabulary.without(banned),
        ranking=library.ranking(word),
    )


def _drawn(victim: Retriever, pool: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """Draw samples; the shorter ones come first, since searching costs what they are long."""
    drawn = derive(seed, "codes").sample(list(pool), min(count, len(pool)))
    return sorted(drawn, key=lambda sample: len(sample.code))
