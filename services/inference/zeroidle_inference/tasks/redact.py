"""Redact: code proposes what may be personal, the model is asked only where form leaves doubt.

What has a checkable shape is found by `patterns`, what its surroundings give away by `names` and
`addresses`. The rest are candidates: the model scores each one's kind in its own context, all of
them in one wave. So a letter is never rewritten, and every character outside a span stays as it
was. Recall comes first: a candidate is masked unless the model clearly takes it for something else.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zeroidle_contract import Entity, Redact, RedactOutput, Span
from zeroidle_inference.engine.request import Answer, ChatMessage, Prompt, Score, Scores, TextModel
from zeroidle_inference.tasks import addresses, names, patterns, prompts
from zeroidle_inference.tasks.names import Candidate
from zeroidle_inference.tasks.task import TaskSteps

CONTEXT_CHARACTERS = 60
MIN_LOG_ODDS = -1.0
MIN_LOG_ODDS_OF_ONE_WORD = 6.0
"""Of a person or an address against all other kinds: below it a candidate stays. A lone capitalised
word that nothing around it gives away is most often a place or a product."""


_WORD = re.compile(r"\w+")
_CANDIDATES = {Entity.ADDRESS: addresses.candidates, Entity.NAME: names.candidates}
"""Addresses first: `Victoria` in one is no name."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A text that stands somewhere in the document and may be an entity; asked about once."""

    entity: Entity
    text: str
    request: Score


def redact(task: Redact, document: str, model: TextModel) -> TaskSteps:
    """At most one wave: a request for each distinct candidate in doubt."""
    del model
    asked = frozenset(task.entities)
    certain = list(patterns.find(document, frozenset(Entity)))
    doubts: list[_Doubt] = []
    for entity, candidates in _CANDIDATES.items():
        taken = _Taken(document, certain)
        free = [candidate for candidate in candidates(document) if taken.leaves(candidate)]
        known = {_text(document, candidate) for candidate in free if candidate.is_certain}
        if entity is Entity.NAME:
            parts = {part for name in known for part in names.parts(name)}
            texts = {_text(document, candidate) for candidate in free}
            known |= {text for text in texts if not parts.isdisjoint(names.parts(text))}
        certain += [span for span in _everywhere(document, entity, known) if taken.leaves(span)]
        if entity in asked:
            taken = _Taken(document, certain)
            doubts += _doubts(document, entity, filter(taken.leaves, free))
    answers = (yield [doubt.request for doubt in doubts]) if doubts else ()
    for entity in _CANDIDATES:
        confirmed = {
            doubt.text
            for doubt, answer in zip(doubts, answers, strict=True)
            if doubt.entity is entity and _is_confirmed(doubt.text, answer)
        }
        certain += _everywhere(document, entity, confirmed)
    disjoint = merge(span for span in certain if span.entity in asked)
    return RedactOutput(text=mask(document, disjoint, task.mask), spans=tuple(disjoint))


def _doubts(document: str, entity: Entity, candidates: Iterable[Candidate]) -> Iterator[_Doubt]:
    seen: set[str] = set()
    for candidate in candidates:
        text = document[candidate.start : candidate.end]
        if not candidate.is_certain and text not in seen:
            seen.add(text)
            yield _Doubt(entity, text, _request(document, candidate))


def _request(document: str, candidate: Candidate) -> Score:
    before = document[max(candidate.start - CONTEXT_CHARACTERS, 0) : candidate.start]
    after = document[candidate.end : candidate.end + CONTEXT_CHARACTERS]
    inside = document[candidate.start : candidate.end]
    marked = f"{before}[{inside}]{after}"
    return Score(
        prompt=Prompt(
            messages=(ChatMessage("user", prompts.REDACT),),
            document=marked.strip(),
            after_document=prompts.REDACT_AFTER,
        ),
        choices=prompts.REDACT_KINDS,
    )


def _is_confirmed(text: str, answer: Answer) -> bool:
    assert isinstance(answer, Scores)  # noqa: S101 - the answer to a Score
    highest = max(answer.log_probabilities)
    *personal, place, company, word = (
        math.exp(value - highest) for value in answer.log_probabilities
    )
    least = MIN_LOG_ODDS if " " in text else MIN_LOG_ODDS_OF_ONE_WORD
    return sum(personal) >= math.exp(least) * (place + company + word)


def _text(document: str, candidate: Candidate) -> str:
    return document[candidate.start : candidate.end]


class _Taken:
    """The characters of a document that spans hold already."""

    def __init__(self, document: str, spans: Iterable[Span]) -> None:
        self._is_taken = bytearray(len(document))
        for span in spans:
            self._is_taken[span.start : span.end] = b"\x01" * (span.end - span.start)

    def leaves(self, span: Span | Candidate) -> bool:
        """Whether all characters of a span are free."""
        return not any(self._is_taken[span.start : span.end])


def _everywhere(document: str, entity: Entity, texts: Iterable[str]) -> list[Span]:
    """Every place where a text stands as whole words: once known, it is masked throughout.

    Of a name also its parts, which stand for it: `Dwayne` where `Dwayne Castellanos` was seen.
    """
    known = set(texts)
    if entity is Entity.NAME:
        known = {part for name in known for part in names.parts(name)}
    by_first_word: dict[str, list[str]] = {}
    for text in known:
        first = _WORD.match(text)
        by_first_word.setdefault(first.group() if first else "", []).append(text)
    return [
        Span(start=word.start(), end=word.start() + len(text), entity=entity)
        for word in _WORD.finditer(document)
        for text in by_first_word.get(word.group(), ())
        if document.startswith(text, word.start())
        and not document[word.start() + len(text) : word.start() + len(text) + 1].isalnum()
    ]


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted and disjoint: of spans that overlap, the union, as the kind that starts first."""
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
