"""Rounds of warm-ups whose answers come as told, in process: what is reported, and how long it may
take."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain, repeat
from threading import Lock
from typing import Any

from botocore.exceptions import ReadTimeoutError
from integration.prewarm.alias_double import AliasOf, StoppedClock

from zeroidle_contract import Stack
from zeroidle_ops.prewarm.warmup import WarmUp, WarmUps

Answers = list[str | type[Exception]]
"""Of one round: environments, or what is raised instead."""


class TooManyRequestsError(Exception):
    """Throttled."""


class Idle:
    """A queue that is empty."""

    def get_queue_attributes(self, **_: object) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": "0"}}


class MappedAlias(AliasOf):
    def get_event_source_mapping(self, **_: object) -> Any:
        return {"State": "Enabled", "BatchSize": 10}


class Round:
    """The client of one round. Its calls take as long as they hold, or all there is."""

    class exceptions:  # noqa: N801 - as the client calls it
        TooManyRequestsException = TooManyRequestsError

    def __init__(self, answers: Answers, clock: StoppedClock, timeout_s: float) -> None:
        self._answers = iter(answers)
        self._clock = clock
        self._timeout_s = timeout_s
        self._ends_s = clock.monotonic_s()
        self._turn = Lock()

    def invoke(self, *, Payload: bytes, **_: object) -> Any:  # noqa: N803 - the API's name
        with self._turn:
            answer = next(self._answers)
            if answer is TooManyRequestsError:
                raise TooManyRequestsError
            hold_s = json.loads(Payload)["hold_ms"] / 1000
            self._pass(hold_s if isinstance(answer, str) else self._timeout_s)
            if not isinstance(answer, str):
                raise ReadTimeoutError(endpoint_url="")
        told = {"environment_id": answer, "init_ms": 900}
        return {"Payload": BytesIO(json.dumps(told).encode())}

    def close(self) -> None:
        """Nothing is open."""

    def _pass(self, seconds: float) -> None:
        """They overlap: together they take as long as the longest."""
        left_s = self._ends_s + seconds - self._clock.monotonic_s()
        self._clock.sleep(max(0.0, left_s))


def warm(*rounds: Answers, timeout_s: float) -> tuple[WarmUp, list[float]]:
    """Two environments; also how long the calls of each round were given."""
    clock = StoppedClock(datetime(2026, 11, 24, tzinfo=UTC))
    given: list[float] = []
    told: Iterator[Answers] = chain(rounds, repeat([ReadTimeoutError] * 2))

    def invoker(answer_within_s: float, _: int) -> Any:
        given.append(answer_within_s)
        return Round(next(told), clock, answer_within_s)

    make: Callable[..., Any] = WarmUps
    warmed = make(
        stack=Stack.model_validate(dict.fromkeys(Stack.model_fields, "none")),
        sqs=Idle(),
        lambda_=MappedAlias(),
        invoker=invoker,
        clock=clock,
    ).warm(2, timeout_s=timeout_s, usd_per_second=0.01)
    return warmed, given


def test_all_at_once_is_one_round() -> None:
    warmed, given = warm(["a", "b"], timeout_s=60)

    assert (warmed.is_complete, warmed.rounds, warmed.took_s) == (True, 1, 5)
    assert warmed.cost_usd <= 0.1  # two calls of 5 s
    assert given == [60]


def test_one_environment_that_answers_twice_counts_once() -> None:
    warmed, _ = warm(["a", "a"], ["a", "b"], timeout_s=60)

    assert (len(warmed.environments), warmed.rounds) == (2, 2)


def test_environments_of_two_rounds_are_not_added_up() -> None:
    warmed, _ = warm(["a", TooManyRequestsError], ["b", TooManyRequestsError], timeout_s=17)

    assert not warmed.is_complete
    assert (len(warmed.environments), warmed.throttled) == (1, 2)


def test_a_last_round_without_an_answer_takes_nothing_from_what_there_was() -> None:
    warmed, given = warm(["a", TooManyRequestsError], timeout_s=20)

    assert [one.environment_id for one in warmed.environments] == ["a"]
    assert (warmed.rounds, warmed.throttled) == (2, 1)
    assert given == [20, 14]  # 5 s held, 1 s between
    assert warmed.took_s == 21
