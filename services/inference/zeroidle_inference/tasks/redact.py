"""Redact: the model is asked only for what has no shape; code finds the rest and does the masking.

So a letter is never rewritten by the model: every character outside a span stays as it was.
"""

import re
from collections.abc import Iterable

from zeroidle_contract import Entity, Redact, RedactOutput, Span
from zeroidle_inference.engine.request import (
    ChatMessage,
    Generate,
    Prompt,
    QuotedLines,
    TextModel,
)
from zeroidle_inference.tasks import patterns, prompts
from zeroidle_inference.tasks.generate import completion
from zeroidle_inference.tasks.task import TaskSteps

BY_MODEL = (Entity.NAME, Entity.ADDRESS)
WINDOW_TOKENS = 512
OVERLAP_TOKENS = 48
MAX_LINES = 16
MAX_ANSWER_TOKENS = 160


def redact(task: Redact, document: str, model: TextModel) -> TaskSteps:
    """One wave: for each kind without a shape, one request for each window of the document."""
    asked = frozenset(task.entities)
    spans = list(patterns.find(document, asked))
    requests: list[tuple[Entity, Generate]] = []
    for window in model.split(document, WINDOW_TOKENS, OVERLAP_TOKENS):
        text = document[window.start : window.end]
        requests += [(entity, _request(entity, text)) for entity in BY_MODEL if entity in asked]
    if requests:
        answers = yield [request for _, request in requests]
        for (entity, _), answer in zip(requests, answers, strict=True):
            quotes = completion(answer).text.split("\n")
            spans += _occurrences(document, entity, quotes)
    disjoint = merge(spans)
    return RedactOutput(text=mask(document, disjoint, task.mask), spans=tuple(disjoint))


def _request(entity: Entity, text: str) -> Generate:
    prompt = Prompt(
        messages=(
            ChatMessage("system", prompts.REDACT_SYSTEM),
            ChatMessage("user", prompts.REDACT[entity.value]),
        ),
        document=text,
    )
    grammar = QuotedLines(text=text, max_lines=MAX_LINES)
    return Generate(prompt=prompt, max_tokens=MAX_ANSWER_TOKENS, grammar=grammar)


def _occurrences(document: str, entity: Entity, quotes: Iterable[str]) -> list[Span]:
    """Every place where a quote stands as whole words: a name once seen is masked throughout."""
    spans: list[Span] = []
    for quote in {quote.strip(" ,.;:") for quote in quotes}:
        if len(quote) > 1:
            pattern = rf"(?<!\w){re.escape(quote)}(?!\w)"
            spans += [
                Span(start=match.start(), end=match.end(), entity=entity)
                for match in re.finditer(pattern, document)
            ]
    return spans


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted and disjoint: of spans that overlap, the union, as the kind that was listed first."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(start=last.start, end=max(last.end, span.end), entity=last.entity)
        else:
            merged.append(span)
    return merged


def mask(text: str, spans: Iterable[Span], template: str) -> str:
    """The text with each span replaced."""
    parts: list[str] = []
    position = 0
    for span in spans:
        parts += [text[position : span.start], template.replace("{entity}", span.entity.value)]
        position = span.end
    return "".join([*parts, text[position:]])
