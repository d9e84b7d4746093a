"""Requests for an engine over fakes, and the way to their answers."""

from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Finished,
    Generate,
    JsonSchema,
    Prompt,
    Request,
)

INSTRUCTION = "read this letter and say what it is"


def about(document: str, instruction: str = INSTRUCTION) -> Prompt:
    return Prompt(messages=(ChatMessage("user", instruction),), document=document)


def patterned(document: str, pattern: str, *, max_tokens: int = 40) -> Generate:
    return Generate(about(document), max_tokens, JsonSchema({"pattern": pattern}))


def finish(engine: Engine) -> dict[int, Finished]:
    ends: dict[int, Finished] = {}
    for _ in range(1000):
        if not engine.has_work:
            return ends
        ends.update({end.ticket: end for end in engine.step()})
    raise AssertionError("the engine does not finish")


def answer_of(engine: Engine, request: Request) -> Answer:
    ticket = engine.submit(request)
    answer = finish(engine)[ticket].answer
    assert answer is not None
    return answer
