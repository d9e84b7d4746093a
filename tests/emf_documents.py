"""CloudWatch's embedded metric format, as its specification has it: schema and references.

Source: "Specification: Embedded metric format", Amazon CloudWatch user guide.
"""

import json
from typing import Any

from jsonschema import Draft202012Validator

MOST_BYTES = 256 * 1024
SIZES = [f"{size}{of}" for of in ("bytes", "bits") for size in ("Kilo", "Mega", "Giga", "Tera")]
AMOUNTS = ["Bytes", "Bits", *SIZES, "Count"]
TIMES = ["Seconds", "Microseconds", "Milliseconds"]
UNITS = [*TIMES, *AMOUNTS, *(f"{amount}/Second" for amount in AMOUNTS), "Percent", "None"]
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
NUMBER_OR_NUMBERS = {
    "anyOf": [
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 100},
    ]
}
METRIC = {
    "type": "object",
    "required": ["Name"],
    "properties": {
        "Name": NAME,
        "Unit": {"enum": UNITS},
        "StorageResolution": {"enum": [1, 60]},
    },
    "additionalProperties": False,
}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "properties": {
        "Namespace": NAME,
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "maxItems": 9, "items": NAME, "uniqueItems": True},
        },
        "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": METRIC},
    },
    "additionalProperties": False,
}
ROOT = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE, "minItems": 1},
            },
            "additionalProperties": False,
        }
    },
}


def check(line: str) -> dict[str, Any]:
    """The document in a log line; raises where it breaks the specification."""
    assert len(line.encode()) <= MOST_BYTES
    document: dict[str, Any] = json.loads(line)
    Draft202012Validator(ROOT).validate(document)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for name in {name for names in directive["Dimensions"] for name in names}:
            assert isinstance(document[name], str)
            assert document[name], name
        for metric in directive["Metrics"]:
            Draft202012Validator(NUMBER_OR_NUMBERS).validate(document[metric["Name"]])
    return document


def is_document(line: str) -> bool:
    """True for a log line that CloudWatch reads as metrics."""
    return '"_aws"' in line


def totals(documents: list[dict[str, Any]], name: str, *dimensions: str) -> dict[Any, float]:
    """Sums of a metric as CloudWatch would show them, by the values of a set of dimensions.

    A list of values counts as their sum.
    """
    found: dict[Any, float] = {}
    for document in documents:
        for directive in document["_aws"]["CloudWatchMetrics"]:
            if list(dimensions) not in directive["Dimensions"]:
                continue
            if name in [metric["Name"] for metric in directive["Metrics"]]:
                key = tuple(document[dimension] for dimension in dimensions)
                value = document[name]
                amount = sum(value) if isinstance(value, list) else value
                found[key] = found.get(key, 0) + amount
    return found
