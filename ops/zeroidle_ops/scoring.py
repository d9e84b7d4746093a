"""Judges outputs: `violations` by what the contract promises, `score` by an expected answer.

A score is a set of shares (hits of a total), so that documents of one set add up. Knows neither
jobs nor AWS.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import jsonschema

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    Complete,
    CompleteOutput,
    Extract,
    ExtractOutput,
    NamedSchema,
    Output,
    Redact,
    RedactOutput,
    Summarize,
    SummarizeOutput,
    Task,
    output_schema,
)


@dataclass(frozen=True)
class Share:
    """`hits` of `total`."""

    hits: int = 0
    total: int = 0

    def __add__(self, other: "Share") -> "Share":
        """Both counted together."""
        return Share(self.hits + other.hits, self.total + other.total)

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.hits / self.total if self.total else None

    @classmethod
    def of(cls, *, hit: bool) -> Self:
        """One case."""
        return cls(int(hit), 1)


Score = Mapping[str, Share]


def add(left: Score, right: Score) -> Score:
    """Two scores, share by share."""
    return {name: left.get(name, Share()) + right.get(name, Share()) for name in {**left, **right}}


def score(output: Output, *, text: str, expected: Any) -> Score:  # noqa: ANN401 - JSON
    """How near an output comes to the expected answer for a text; empty where there is none."""
    if expected is None:
        return {}
    match output:
        case ClassifyOutput():
            return {"accuracy": Share.of(hit=output.label == expected)}
        case ExtractOutput():
            return {"fields": _same_fields(output.data, expected)}
        case RedactOutput():
            return _span_score(output, text, expected["spans"])
        case SummarizeOutput():
            summary = output.summary.lower()
            words = expected["must_mention"]
            return {"mentions": Share(sum(word.lower() in summary for word in words), len(words))}
        case CompleteOutput():
            return {}


def _same_fields(found: Any, expected: Any) -> Share:  # noqa: ANN401 - JSON
    """Leaves of equal value under equal paths, of all leaves in either."""
    left, right = dict(leaves(found)), dict(leaves(expected))
    hits = sum(path in left and left[path] == value for path, value in right.items())
    return Share(hits, len({**left, **right}))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Path and value of everything in a JSON value that is neither object nor array."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, f"{path}/{key}")
        case list():
            for index, inner in enumerate(value):
                yield from leaves(inner, f"{path}/{index}")
        case _:
            yield path, value


def _span_score(output: RedactOutput, text: str, expected: list[dict[str, str]]) -> Score:
    """Recall and precision over the texts of spans, together and for each entity."""
    wanted = Counter((span["entity"], span["text"]) for span in expected)
    found = Counter((span.entity.value, text[span.start : span.end]) for span in output.spans)
    hits = wanted & found
    scores = {
        "recall": Share(hits.total(), wanted.total()),
        "precision": Share(hits.total(), found.total()),
    }
    for entity in sorted({entity for entity, _ in wanted | found}):
        of_hits, of_wanted, of_found = (
            sum(count for (kind, _), count in counter.items() if kind == entity)
            for counter in (hits, wanted, found)
        )
        scores[f"recall {entity}"] = Share(of_hits, of_wanted)
        scores[f"precision {entity}"] = Share(of_hits, of_found)
    return scores


def violations(task: Task, output: Output, *, text: str) -> list[str]:
    """What in an output is not as the contract promises; empty when all is well."""
    match task, output:
        case Classify(), ClassifyOutput():
            found = _classify_violations(task, output)
        case Extract(), ExtractOutput():
            found = _schema_violations(task.json_schema, output.data)
        case Redact(), RedactOutput():
            found = _redact_violations(task, output, text)
        case Summarize(), SummarizeOutput():
            found = _summary_violations(task, output)
        case Complete(), CompleteOutput():
            found = _answer_violations(task, output)
        case _:
            found = iter([f"a {task.kind} task was answered with a {output.kind} output"])
    return list(found)


def _classify_violations(task: Classify, output: ClassifyOutput) -> Iterator[str]:
    if set(output.probabilities) != set(task.labels):
        yield "the probabilities are not those of the labels"
        return
    total = math.fsum(output.probabilities.values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        yield f"the probabilities sum to {total}"
    if output.probabilities.get(output.label) != max(output.probabilities.values()):
        yield "the label is not the likeliest"


def _schema_violations(
    schema: NamedSchema | Mapping[str, Any],
    data: Any,  # noqa: ANN401 - JSON
) -> Iterator[str]:
    rules = output_schema(schema) if isinstance(schema, NamedSchema) else schema
    validator = jsonschema.validators.validator_for(rules, jsonschema.Draft202012Validator)
    for error in validator(rules).iter_errors(data):
        yield f"{error.json_path} breaks the schema's {error.validator}"


def _redact_violations(task: Redact, output: RedactOutput, text: str) -> Iterator[str]:
    parts, position = list[str](), 0
    for span in output.spans:
        parts += [text[position : span.start], task.mask.replace("{entity}", span.entity.value)]
        position = span.end
    if output.text != "".join([*parts, text[position:]]):
        yield "the text is not the document with its spans masked"


def _summary_violations(task: Summarize, output: SummarizeOutput) -> Iterator[str]:
    words = len(output.summary.split())
    if not 0 < words <= task.max_words:
        yield f"the summary has {words} words"


def _answer_violations(task: Complete, output: CompleteOutput) -> Iterator[str]:
    if task.json_schema is not None:
        yield from _schema_violations(task.json_schema, output.data)
    elif not output.text:
        yield "the answer is empty"
