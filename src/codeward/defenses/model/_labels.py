"""The grounds of a classifier: for each label the samples of others that the model is surest about."""

from collections.abc import Sequence

from codeward.defenses.model._findings import Place
from codeward.defenses.model._grounds import SPARE, Aim, Choice, Ground, shared_out, text_losses
from codeward.defenses.model._slots import slots_for
from codeward.defenses.model._vocabulary import trigger_vocabulary
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import Sample
from codeward.victims.huggingface import Classifier


def label_grounds(
    victim: Classifier, clean: Sequence[Sample], choice: Choice, labels: Sequence[int] | None = None
) -> list[Ground]:
    """Choose samples and slots for each label and place: from the half that the model is surest about.

    On a sample near the boundary any change may flip the answer; a backdoor flips the surest, too.

    Args:
        victim: The model.
        clean: Clean samples with their targets.
        choice: How many, and which places.
        labels: Which labels; unset: all.

    Raises:
        DataError: If no label has enough samples.
        UnfitError: If the tokenizer has no suitable tokens.
    """
    answers = victim.predict(clean)
    found = []
    for label in range(len(victim.labels)) if labels is None else labels:
        pool = [
            (answer.scores[label], sample)
            for sample, answer in zip(clean, answers, strict=True)
            if sample.target != label and answer.output == sample.target
        ]
        pool.sort(key=lambda each: each[0])
        surest = [sample for _, sample in pool[: max(len(pool) // 2, choice.samples + choice.held)]]
        derive(choice.seed, "ground", str(label)).shuffle(surest)
        drawn = surest[: choice.samples + choice.held + SPARE]
        made = (_ground(victim, drawn, label, place, choice) for place in choice.places)
        found += [ground for ground in made if ground is not None]
    if not found:
        raise DataError(
            "too few clean samples hold an identifier and are answered rightly: give more, at least 20 of each class"
        )
    return found


def _ground(
    victim: Classifier,
    drawn: Sequence[Sample],
    label: int,
    place: Place,
    choice: Choice,
) -> Ground | None:
    parts = shared_out(slots_for(drawn, victim, choice.room, place), choice)
    if parts is None:
        return None
    search, held = parts
    words = trigger_vocabulary(victim.encoder.tokenizer, search[0].sample.language, choice.kinds(place))
    goals = (label,) * len(held)
    return Ground(
        aim=Aim(label, victim.labels[label]),
        place=place,
        search=search,
        goals=(label,) * len(search),
        held=held,
        held_goals=goals,
        untriggered=float(text_losses(victim, [slot.sample for slot in held], goals).mean()),
        vocabulary=words,
    )
