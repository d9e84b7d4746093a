"""X-Ray's format of segment documents, as far as independent subsegments go, and their tree.

Source: "X-Ray segment documents", AWS X-Ray developer guide: required fields, lengths, characters
of names, forms of ids, and what an annotation may be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

HEADER = {"format": "json", "version": 1}
MOST_BYTES = 64 * 1024

SUBSEGMENT: dict[str, Any] = {
    "$id": "subsegment",
    "type": "object",
    "required": ["id", "name", "start_time"],
    "oneOf": [
        {"required": ["end_time"], "properties": {"in_progress": {"const": False}}},
        {"required": ["in_progress"], "properties": {"in_progress": {"const": True}}},
    ],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "name": {"type": "string", "pattern": r"^[\w\s.:/%&#=+\\\-@]{1,200}$"},
        "start_time": {"type": "number", "exclusiveMinimum": 0},
        "end_time": {"type": "number", "exclusiveMinimum": 0},
        "in_progress": {"type": "boolean"},
        "trace_id": {"type": "string", "pattern": "^1-[0-9a-f]{8}-[0-9a-f]{24}$"},
        "parent_id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "type": {"const": "subsegment"},
        "namespace": {"enum": ["aws", "remote"]},
        "error": {"type": "boolean"},
        "throttle": {"type": "boolean"},
        "fault": {"type": "boolean"},
        "annotations": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": "^[A-Za-z0-9_]{1,500}$"},
            "additionalProperties": {
                "anyOf": [
                    {"type": "string", "maxLength": 1000},
                    {"type": "number"},
                    {"type": "boolean"},
                ]
            },
        },
        "subsegments": {"type": "array", "items": {"$ref": "subsegment"}},
        "precursor_ids": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}

INDEPENDENT: dict[str, Any] = {
    "allOf": [SUBSEGMENT],
    "required": ["trace_id", "parent_id", "type"],
}


def check(document: Any) -> None:
    """Raise where the document is not an independent subsegment as the guide has it."""
    Draft202012Validator(INDEPENDENT).validate(document)
    assert_tree(document)


def assert_tree(document: Any) -> None:
    """Children name their parent, and lie within it."""
    for child in document.get("subsegments", ()):
        assert child["parent_id"] == document["id"], child
        assert document["start_time"] <= child["start_time"], child
        assert child["end_time"] <= document["end_time"], child
        assert_tree(child)


def names(document: Any) -> list[str]:
    """The names of a document's children, in order."""
    return [child["name"] for child in document.get("subsegments", ())]


@dataclass(frozen=True)
class Received:
    """What the daemon got."""

    documents: list[Any]

    def named(self, name: str) -> list[Any]:
        return [document for document in self.documents if document["name"] == name]

    def ids(self) -> Iterator[str]:
        for document in self.documents:
            yield document["id"]
            yield from (child["id"] for child in document.get("subsegments", ()))
