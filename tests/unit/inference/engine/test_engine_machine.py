"""The engine against the plain way of computing, over every mix and interruption."""

import string
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit.inference.engine.engine_fakes import FakeDecoder, engine_on
from unit.inference.engine.engine_reference import Expected, expected, given

from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import DecodeError
from zeroidle_inference.engine.request import (
    ChatMessage,
    Finished,
    Generate,
    JsonSchema,
    Prompt,
    Request,
    Score,
)
from zeroidle_inference.engine.schedule import least_budget

CONTEXT_TOKENS = 96
MAX_ANSWER_TOKENS = 20
"""Too few for a loop to be taken for one."""

letters = st.text(string.ascii_lowercase, max_size=24)
# Some are long enough to be kept as a prefix, one begins another.
instructions = st.sampled_from(
    ["", "short", "read this: ", "read this letter and say: ", "read this letter and say: yes"]
)
prompts = st.builds(
    lambda instruction, document, after: Prompt(
        messages=(ChatMessage("user", instruction),), document=document, after_document=after
    ),
    instructions,
    letters,
    st.sampled_from(["", "?"]).map(lambda text: text.replace("?", ":")),
)
choices = st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=6, unique=True)
patterns = st.lists(st.sampled_from(["a", "b", "c", "ab", "abc", "xyz"]), min_size=1, max_size=22)
requests = st.one_of(
    st.builds(Score, prompt=prompts, choices=choices.map(tuple)),
    st.builds(Generate, prompt=prompts, max_tokens=st.integers(1, MAX_ANSWER_TOKENS)),
    st.builds(
        lambda prompt, pattern: Generate(
            prompt=prompt,
            # No shorter than what the pattern forces at its start, which would be refused.
            max_tokens=MAX_ANSWER_TOKENS + 2,
            grammar=JsonSchema({"pattern": " ".join(pattern)}),
        ),
        prompts,
        patterns,
    ),
).filter(lambda request: bool(request.prompt.messages[0].text + (request.prompt.document or "")))


class EngineMachine(RuleBasedStateMachine):
    """Submits, steps, cancels, aborts and resets in any order; then lets the rest finish."""

    engine: Engine
    decoder: FakeDecoder
    open_requests: dict[int, Request]

    memory: int | None
    piece_rows: int

    @initialize(
        data=st.data(),
        sequences=st.integers(1, 4),
        prefix_bytes=st.sampled_from([1, 999]),
        # What is soon forgotten is said again, so that drafts come true.
        memory=st.sampled_from([1, 2, None]),
    )
    def begin(self, data: Any, sequences: int, prefix_bytes: int, memory: int | None) -> None:
        self.memory = memory
        self.piece_rows = data.draw(st.sampled_from([1, 1, 4, 9, 20]))
        least = least_budget(sequences, self.piece_rows)
        max_rows = data.draw(st.integers(least, least + 24))
        self.decoder = FakeDecoder(
            sequences=sequences,
            context_tokens=CONTEXT_TOKENS,
            max_rows=max_rows,
            max_logit_rows=data.draw(st.integers(sequences, max_rows)),
            memory=memory,
            piece_rows=self.piece_rows,
        )
        self.engine = engine_on(self.decoder, prefix_bytes=prefix_bytes)
        self.open_requests = {}

    @rule(request=requests, group=st.integers(0, 2))
    def submit(self, request: Request, group: int) -> None:
        ticket = self.engine.submit(request, group=group)
        assert ticket not in self.open_requests
        self.open_requests[ticket] = request

    @rule()
    def step(self) -> None:
        self._check(self.engine.step())

    @precondition(lambda self: self.open_requests)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.open_requests)))
        self.engine.cancel(ticket)
        del self.open_requests[ticket]

    @rule(fail=st.booleans())
    def let_loads_fail(self, fail: bool) -> None:
        self.decoder.loads_fail = fail

    @precondition(lambda self: not all(map(_is_wholly_forced, self.open_requests.values())))
    @rule()
    def abort(self) -> None:
        """The step raises; after a reset all begins anew."""
        self.engine.abort()
        try:
            self.engine.step()
        except DecodeError:
            self.engine.reset()
        else:
            raise AssertionError("an aborted step must not go through")
        lost, self.open_requests = self.open_requests, {}
        for request in lost.values():
            self.submit(request, 0)

    @invariant()
    def has_work_while_a_request_is_open(self) -> None:
        if hasattr(self, "engine"):
            assert self.engine.has_work == bool(self.open_requests)

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        # Each step computes a row at least, so that no more steps than rows are needed.
        for _ in range(_most_rows(self.open_requests.values()) + 1):
            self._check(self.engine.step())
        assert not self.open_requests
        assert not self.engine.has_work
        assert self.decoder.is_empty

    def _check(self, finished: list[Finished]) -> None:
        for end in finished:
            request = self.open_requests.pop(end.ticket)
            assert end.error is None
            assert end.answer is not None
            answer = expected(
                request,
                self.memory,
                piece_rows=self.piece_rows,
                logit_rows=self.decoder.max_logit_rows // self.decoder.sequences,
            )
            assert _is_near(given(end.answer), answer)
            usage = end.answer.usage
            assert usage.cached <= usage.prompt


def _is_wholly_forced(request: Request) -> bool:
    """Whether the pattern leaves no choice, so that no step is needed."""
    if isinstance(request, Score) or request.grammar is None:
        return False
    return all(len(choices) == 1 for choices in request.grammar.schema["pattern"].split())


def _most_rows(open_requests: Any) -> int:
    rows = 0
    for request in open_requests:
        prompt = len(request.prompt.messages[0].text + request.prompt.document) + 1
        if isinstance(request, Score):
            rows += prompt + sum(len(choice) for choice in request.choices)
        else:
            rows += prompt + MAX_ANSWER_TOKENS + 2
    return rows


def _is_near(one: Expected, other: Expected) -> bool:
    if isinstance(one[0], str):
        return one == other
    return len(one) == len(other) and all(
        abs(a - b) < 1e-3  # type: ignore[operator]
        for a, b in zip(one, other, strict=True)
    )


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
