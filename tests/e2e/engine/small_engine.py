"""Engines over the small model, and what drives a task through one."""

import contextlib
from collections.abc import Iterator

from zeroidle_contract import Output
from zeroidle_inference.engine.engine import KNEE_ROWS, Engine
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.llama import LlamaDecoder
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.prefix import PrefixStates
from zeroidle_inference.engine.request import Answer, Request
from zeroidle_inference.engine.vocabulary import ModelName
from zeroidle_inference.tasks import TaskSteps


@contextlib.contextmanager
def decoder_of(
    model: LoadedModel, *, context_tokens: int = 512, sequences: int = 4, max_rows: int = 160
) -> Iterator[LlamaDecoder]:
    """A llama.cpp context; freed at the end."""
    decoder = LlamaDecoder(
        model.pointer,
        threads=1,
        context_tokens=context_tokens,
        sequences=sequences,
        max_rows=max_rows,
        max_logit_rows=max_rows,
    )
    yield decoder
    decoder.close()


def engine_on(
    decoder: LlamaDecoder,
    model: LoadedModel,
    grammars: Grammars,
    *,
    prefixes: PrefixStates | None = None,
    draft_rows: int = KNEE_ROWS,
) -> Engine:
    """An engine over the small model."""
    return Engine(
        decoder=decoder,
        vocabulary=model,
        matcher=grammars.matcher,
        prefixes=PrefixStates(max_bytes=1 << 28) if prefixes is None else prefixes,
        identity=ModelName("SmolLM2-135M-Instruct", "0" * 64, "Q4_0"),
        draft_rows=draft_rows,
    )


def answers(engine: Engine, requests: list[Request]) -> list[Answer]:
    """All requests at once; an error of any is raised."""
    tickets = [engine.submit(request) for request in requests]
    ends: dict[int, Answer] = {}
    while engine.has_work:
        for end in engine.step():
            if end.answer is None:
                raise end.error or AssertionError("neither answer nor error")
            ends[end.ticket] = end.answer
    return [ends[ticket] for ticket in tickets]


def solve(engine: Engine, steps: TaskSteps) -> Output:
    """A task's output."""
    wave = next(steps)
    while True:
        try:
            wave = steps.send(answers(engine, list(wave)))
        except StopIteration as stop:
            output: Output = stop.value
            return output
