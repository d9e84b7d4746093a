"""What the engine must answer, computed the plain way: one request, one token at a time."""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from unit.inference.engine.engine_fakes import END, LETTERS, WIDE, FakeVocabulary, logits_of

from zeroidle_inference.engine.prefix import MIN_TOKENS
from zeroidle_inference.engine.request import Answer, Completion, Generate, JsonSchema, Score

Expected = tuple[str, Literal["stop", "length"]] | tuple[float, ...]


def expected(
    request: Generate | Score,
    memory: int | None = None,
    *,
    piece_rows: int = 1,
    logit_rows: int = 1,
) -> Expected:
    """Text and finish reason, or log-probabilities, of such a decoder."""
    if isinstance(request, Score):
        run = FakeVocabulary().tokenize(_only_run(request.choices))
        if len(run) >= logit_rows:
            run = ()
        known = _known(request, run, piece_rows)
        return _scores(known, len(known) - len(run), request.choices, memory)
    if isinstance(request.grammar, JsonSchema):
        pattern = request.grammar.schema["pattern"].split()
        forced = [*itertools.takewhile(lambda choices: len(choices) == 1, pattern)]
        known = _known(request, FakeVocabulary().tokenize("".join(forced)), piece_rows)
        return _under_pattern(known, pattern, len(forced), request.max_tokens, memory)
    return _free(_known(request, (), piece_rows), request.max_tokens, memory)


def _known(request: Generate | Score, forced: Sequence[int], piece_rows: int) -> list[int]:
    """What stands there before the model is asked: a prefix that is kept is a piece of its own."""
    prompt = FakeVocabulary().prompt(request.prompt)
    own = [*prompt.own, *forced]
    if len(prompt.shared) < MIN_TOKENS:
        return _piece([*prompt.shared, *own], piece_rows)
    return _piece(prompt.shared, piece_rows) + _piece(own, piece_rows)


def _piece(tokens: Sequence[int], piece_rows: int) -> list[int]:
    return [token + WIDE * (1 < piece_rows <= len(tokens)) for token in tokens]


def given(answer: Answer) -> Expected:
    """An answer in the form of `expected`."""
    if isinstance(answer, Completion):
        return answer.text, answer.finish_reason
    return tuple(round(value, 4) for value in answer.log_probabilities)


def _free(prompt: Sequence[int], max_tokens: int, memory: int | None) -> Expected:
    tokens = list(prompt)
    while True:
        chosen = int(logits_of(tokens, memory).argmax())
        output = "".join(LETTERS[token] for token in tokens[len(prompt) :])
        if chosen == END:
            return output, "stop"
        tokens.append(chosen)
        if len(tokens) - len(prompt) == max_tokens:
            return output + LETTERS[chosen], "length"


def _under_pattern(
    known: Sequence[int], pattern: Sequence[str], forced: int, max_tokens: int, memory: int | None
) -> Expected:
    tokens = list(known)
    for choices in pattern[forced:]:
        logits = logits_of(tokens, memory)
        tokens.append(
            max((LETTERS.index(letter) for letter in choices), key=lambda i: float(logits[i]))
        )
    output = "".join(LETTERS[token % WIDE] for token in tokens[len(known) - forced :])
    # Letters that are forced behind the last choice cost nothing, so no limit cuts them off.
    sampled_up_to = max(
        (i + 1 for i, choices in enumerate(pattern) if len(choices) > 1), default=len(pattern)
    )
    if sampled_up_to > max_tokens:
        return output[:max_tokens], "length"
    return output, "stop"


def _only_run(choices: Sequence[str]) -> str:
    """What is computed with the prompt: all choices but their last letters, if that is one text."""
    longest = max((choice[:-1] for choice in choices), key=len)
    return longest if all(longest.startswith(choice[:-1]) for choice in choices) else ""


def _scores(
    known: Sequence[int], prompt_tokens: int, choices: Sequence[str], memory: int | None
) -> Expected:
    scores: list[float] = []
    for choice in choices:
        tokens = list(known[:prompt_tokens])
        total = 0.0
        for position, letter in enumerate(choice, start=prompt_tokens):
            total += _log_probability(tokens, LETTERS.index(letter), memory)
            tokens.append(known[position] if position < len(known) else LETTERS.index(letter))
        if any(other != choice and other.startswith(choice) for other in choices):
            total += _log_probability(tokens, END, memory)
        scores.append(round(total, 4))
    return tuple(scores)


def _log_probability(tokens: Sequence[int], token: int, memory: int | None) -> float:
    logits = logits_of(tokens, memory).astype(np.float64)
    return float(logits[token] - np.log(np.exp(logits).sum()))
