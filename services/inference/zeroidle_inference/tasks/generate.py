"""What the generating tasks share: room for the answer, and an answer that may not be cut short."""

import json
import math
from typing import Any

from zeroidle_contract import ErrorCode
from zeroidle_inference.engine.request import Answer, Completion, Prompt, TextModel
from zeroidle_inference.tasks.task import TaskError

MIN_ANSWER_TOKENS = 16


def answer_room(model: TextModel, prompt: Prompt, *, at_most: int) -> int:
    """Tokens that the answer may have.

    Raises:
        TaskError: the prompt leaves no room for one.
    """
    room = model.context_tokens - model.prompt_tokens(prompt)
    if room < min(MIN_ANSWER_TOKENS, at_most):
        raise TaskError(
            ErrorCode.DOCUMENT_TOO_LONG,
            f"the document leaves {max(room, 0)} of {model.context_tokens} context tokens for "
            "the answer",
        )
    return min(room, at_most)


def completion(answer: Answer) -> Completion:
    """The answer to a `Generate`."""
    assert isinstance(answer, Completion)  # noqa: S101 - the engine answers in kind
    return answer


def complete_json(answer: Completion) -> Any:  # noqa: ANN401 - whatever the schema says
    """The JSON value of an answer under a schema.

    Raises:
        TaskError: the answer was cut short, so that it is not valid.
    """
    if answer.finish_reason == "length":
        raise TaskError(
            ErrorCode.OUTPUT_TRUNCATED,
            f"the JSON was not complete after {answer.usage.sampled + answer.usage.forced} tokens",
        )
    try:
        return json.loads(answer.text, parse_float=_finite)
    except ValueError:
        # A number beyond what JSON readers take, such as 1e999 or one of 5,000 digits.
        raise TaskError(
            ErrorCode.OUTPUT_TRUNCATED, "the JSON holds a number that is too large to read"
        ) from None


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value
