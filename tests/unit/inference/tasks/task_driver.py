"""Drives a task by hand-written answers, over a model whose tokens are words."""

from collections.abc import Callable, Sequence
from typing import Literal

from zeroidle_contract import Output
from zeroidle_inference.engine.request import (
    Answer,
    Completion,
    Generate,
    Prompt,
    Request,
    Scores,
    Timing,
    TokenUsage,
    Window,
)
from zeroidle_inference.tasks import TaskSteps

NO_TIME = Timing(0, 0, 0, 0)


class WordModel:
    """A token is a word with the space before it."""

    sha256 = "0" * 64

    def __init__(self, context_tokens: int = 4096) -> None:
        self.context_tokens = context_tokens

    def prompt_tokens(self, prompt: Prompt) -> int:
        texts = [message.text for message in prompt.messages]
        return len(" ".join([*texts, prompt.document or "", prompt.after_document]).split())

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        ends = [i for i in range(1, len(text)) if text[i].isspace() and not text[i - 1].isspace()]
        ends.append(len(text))
        windows: list[Window] = []
        first = 0
        while True:
            last = min(first + max_tokens, len(ends))
            windows.append(Window(ends[first - 1] if first else 0, ends[last - 1]))
            if last == len(ends):
                return windows
            first = last - overlap_tokens


def completion(
    text: str, finish_reason: Literal["stop", "length"] = "stop", *, tokens: int = 7
) -> Completion:
    return Completion(text, finish_reason, TokenUsage(sampled=tokens), NO_TIME)


def scores(*log_probabilities: float) -> Scores:
    return Scores(log_probabilities, TokenUsage(), NO_TIME)


def run(steps: TaskSteps, *waves: Sequence[Answer]) -> Output:
    """The output of a task that is given these answers, wave by wave."""
    answers = iter(waves)
    return run_by(steps, lambda _: next(answers))


def run_by(steps: TaskSteps, answer: Callable[[Sequence[Request]], Sequence[Answer]]) -> Output:
    """The output of a task whose waves a function answers."""
    try:
        wave = next(steps)
        while True:
            wave = steps.send(answer(wave))
    except StopIteration as stop:
        output: Output = stop.value
        return output


def generates(wave: Sequence[Request]) -> list[Generate]:
    """A wave that is all `Generate`."""
    return [request for request in wave if isinstance(request, Generate)]
