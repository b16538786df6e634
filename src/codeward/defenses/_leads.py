"""In which order parts are worth hiding: by one gradient, which costs about as much as hiding two of them."""

from collections.abc import Sequence
from typing import Any

from codeward.defenses._elements import Element
from codeward.types import QUERY, Prediction, Sample
from codeward.victims.base import Victim


def leads(
    samples: Sequence[Sample], parts: Sequence[Sequence[Element]], answers: Sequence[Prediction], victim: Victim
) -> list[list[int]] | None:
    """Return the places of each sample's parts, those first that the model's answer seems to rest on most.

    A token counts by its integrated gradient against the unknown token, in a single step (Sundararajan et al., ICML 2017); a
    part counts by the absolute sum of its tokens. It is an estimate: parts that act together may stand far behind.

    Returns:
        ``None`` for a model that gives no gradients.
    """
    if not hasattr(victim, "encoder"):
        return None
    from codeward.victims.attribution import integrated_gradients

    model: Any = victim
    fields = dict.fromkeys(part.field for own in parts for part in own)
    located = {field: model.encoder.located(samples, field) for field in fields}
    if not located:
        return [[] for _ in samples]
    rows = [ids for ids, _ in next(iter(located.values()))]
    values = integrated_gradients(model, rows, _goals(samples, answers, model), 1)
    return [
        _order([_worth(part, located[part.field][place][1], values[place]) for part in own])
        for place, own in enumerate(parts)
    ]


def _goals(samples: Sequence[Sample], answers: Sequence[Prediction], victim: Any) -> list[Any]:
    """Return the model's own answers as what a loss is measured against."""
    if victim.task.kind == "generation":
        return [tuple(ids) for ids in victim.encoder.references([str(answer.output) for answer in answers])]
    if victim.task.kind == "retrieval":
        return [tuple(row["input_ids"]) for row in victim.encoder.inputs(samples, QUERY)]
    return [answer.output for answer in answers]


def _worth(part: Element, places: Sequence[Any], values: Any) -> float:
    total = sum(
        float(value)
        for span, value in zip(places, values, strict=True)
        if span is not None and any(span.overlaps(own) for own in part.spans)
    )
    return abs(total)


def _order(worth: Sequence[float]) -> list[int]:
    return sorted(range(len(worth)), key=lambda at: -worth[at])
