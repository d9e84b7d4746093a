"""Metrics as log lines: CloudWatch's embedded metric format (EMF), written without a call of AWS.

Source: "Specification: Embedded metric format", Amazon CloudWatch user guide. A document names its
metrics and dimensions under `_aws`, and their values stand beside it. A metric's value is a number
or a list of at most 100 numbers. One name has one value in a document, so each combination of
labels takes a document of its own.

Each metric is published under the function's name alone, and under it with its labels.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from zeroidle_inference.telemetry.metrics import Metrics

NAMESPACE = "zeroidle"
FUNCTION_NAME = "FunctionName"
MOST_VALUES = 100
"""Of one metric in one document."""

UNITS = {"": "Count", "seconds": "Seconds", "gb_seconds": "None"}
"""CloudWatch's names of the units that instruments have."""

Labels = tuple[tuple[str, str], ...]


def documents(metrics: Metrics, *, function_name: str, now_ms: int) -> Iterator[dict[str, Any]]:
    """What one invocation measured. Counters without labels are told even when they are 0.

    A missing value would say nothing, a 0 says that the function ran and all was well.
    """
    units: dict[str, str] = {}
    counters: dict[Labels, dict[str, float]] = defaultdict(dict)
    for family in metrics.registry.collect():
        unit = UNITS[family.unit]
        units[family.name] = unit
        for sample in family.samples:
            if family.type == "counter" and sample.name.endswith("_total"):
                units[sample.name] = unit
                counters[tuple(sample.labels.items())][sample.name] = sample.value
    values = {metric.name: metric.values for metric in metrics.distributions}

    def document(labels: Labels, found: dict[str, Any]) -> dict[str, Any]:
        sets = [[FUNCTION_NAME]]
        if labels:
            sets.append([FUNCTION_NAME, *(name for name, _ in labels)])
        definitions = [{"Name": name, "Unit": units[name]} for name in found]
        directive = {"Namespace": NAMESPACE, "Dimensions": sets, "Metrics": definitions}
        return {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            FUNCTION_NAME: function_name,
            **dict(labels),
            **found,
        }

    unlabelled: dict[str, Any] = counters.pop((), {})
    for part in _parts(values):
        yield document((), {**unlabelled, **part})
        unlabelled = {}
    if unlabelled:
        yield document((), unlabelled)
    for labels, found in counters.items():
        present = {name: value for name, value in found.items() if value}
        if present:
            yield document(labels, present)


def _parts(values: dict[str, list[float]]) -> Iterator[dict[str, list[float]]]:
    """The values, in portions that a document may hold."""
    for start in range(0, max(map(len, values.values()), default=0), MOST_VALUES):
        portions = {
            name: [_short(value) for value in found[start : start + MOST_VALUES]]
            for name, found in values.items()
        }
        yield {name: portion for name, portion in portions.items() if portion}


def _short(value: float) -> float:
    """Four digits are enough: a batch has hundreds of steps, and lines are paid for."""
    return float(f"{value:.4g}")
