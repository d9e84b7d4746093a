"""What an evaluation counts. Arithmetic only; every metric comes with the items it is of."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zeroidle_contract import Entity, Span

BINS = 10
PATTERNED = tuple(entity for entity in Entity if entity not in {Entity.NAME, Entity.ADDRESS})


@dataclass(frozen=True)
class Metric:
    """A value from 0 to 1, of so many items."""

    name: str
    value: float
    items: int


def labels(found: Sequence[str], truth: Sequence[str]) -> list[Metric]:
    """Share of labels that are right, and the mean of that share over the true labels.

    The second gains nothing from always saying the label that is most common.
    """
    hits = [left == right for left, right in zip(found, truth, strict=True)]
    shares = [
        sum(hit for hit, right in zip(hits, truth, strict=True) if right == label)
        / truth.count(label)
        for label in sorted(set(truth))
    ]
    return [
        Metric("accuracy", sum(hits) / len(truth), len(truth)),
        Metric("balanced accuracy", sum(shares) / len(shares), len(truth)),
    ]


def expected_calibration_error(
    probabilities: Sequence[Mapping[str, float]], truth: Sequence[str]
) -> Metric:
    """Mean distance between confidence and accuracy over ten bins, weighted (Naeini 2015)."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for each, label in zip(probabilities, truth, strict=True):
        best = max(each, key=each.__getitem__)
        place = min(int(each[best] * BINS), BINS - 1)
        bins.setdefault(place, []).append((each[best], best == label))
    error = sum(
        abs(sum(confidence for confidence, _ in held) - sum(is_right for _, is_right in held))
        for held in bins.values()
    )
    return Metric("ece", error / len(truth), len(truth))


def exact_fields(found: Sequence[Any], truth: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """For each field the share of documents in which it is just as expected, and their mean."""
    names = list(truth[0])
    metrics = [
        Metric(
            f"exact {name}",
            sum(
                isinstance(left, Mapping) and left.get(name) == right[name]
                for left, right in zip(found, truth, strict=True)
            )
            / len(truth),
            len(truth),
        )
        for name in names
    ]
    mean = sum(metric.value for metric in metrics) / len(metrics)
    return [*metrics, Metric("exact, mean of fields", mean, len(truth))]


Places = set[tuple[int, int, Entity]]


def spans(found: Sequence[Iterable[Span]], truth: Sequence[Iterable[Span]]) -> list[Metric]:
    """Recall and precision of exact spans by entity, and the share of personal characters masked.

    Items are the spans that the share is of.
    """
    hits, wanted, given = Counter[Entity](), Counter[Entity](), Counter[Entity]()
    personal = masked = 0
    for said, expected in zip(found, truth, strict=True):
        ours, true = _places(said), _places(expected)
        wanted.update(entity for *_, entity in true)
        given.update(entity for *_, entity in ours)
        hits.update(entity for *_, entity in ours & true)
        characters = _characters(true)
        personal += len(characters)
        masked += len(characters & _characters(ours))
    metrics = [Metric("personal characters masked", masked / max(personal, 1), personal)]
    for name, entities in (
        ("patterned entities", PATTERNED),
        *((entity.value, (entity,)) for entity in Entity),
    ):
        right, there, marked = (
            sum(counter[entity] for entity in entities) for counter in (hits, wanted, given)
        )
        if there:
            metrics.append(Metric(f"recall {name}", right / there, there))
        if marked:
            metrics.append(Metric(f"precision {name}", right / marked, marked))
    return metrics


def _places(of: Iterable[Span]) -> Places:
    return {(span.start, span.end, span.entity) for span in of}


def _characters(places: Places) -> set[int]:
    return {position for start, end, _ in places for position in range(start, end)}
