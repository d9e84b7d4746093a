"""Warms N distinct environments now, by invocations that overlap.

Lambda gives an environment one invocation at a time. So N invocations that are all held at once
stand in N environments; each is answered only when its environment has the model loaded. The
invocations go to the alias that the mapping uses: another qualifier has other environments.
"""

import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ReadTimeoutError

from zeroidle_contract import Stack
from zeroidle_ops.prewarm.errors import AliasError, RoomError, WarmUpError
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

HOLD_S: Final = 5.0
"""How long a loaded environment is held, so that those started with it overlap with it."""

MOST: Final = 500


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment that has the model loaded; `init_ms` is what the load took it."""

    environment_id: str
    init_ms: int


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What came of it: the most environments that were held at once.

    `cost_usd` is at most that: from the invocations as seen from here.
    """

    wanted: int
    environments: tuple[Environment, ...]
    throttled: int
    rounds: int
    took_s: float
    cost_usd: float

    @property
    def is_complete(self) -> bool:
        """True when as many are warm as were wanted."""
        return len(self.environments) >= self.wanted


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """`environment` is None where the call was throttled, or got no answer in time."""

    environment: Environment | None
    took_s: float
    is_throttled: bool = False


class WarmUps:
    """Warms one stack's function. `invoker` makes a client for calls of up to so many seconds."""

    def __init__(
        self,
        *,
        stack: Stack,
        sqs: "SQSClient",
        lambda_: "LambdaClient",
        invoker: Callable[[float, int], "LambdaClient"],
        clock: Clock,
    ) -> None:
        self._stack = stack
        self._sqs = sqs
        self._lambda = lambda_
        self._invoker = invoker
        self._clock = clock

    def warm(self, environments: int, *, timeout_s: float, usd_per_second: float) -> WarmUp:
        """Invoke and hold until so many distinct environments are warm, or the time is over.

        Raises:
            AliasError: the function has no alias.
            RoomError: there is no room to hold so many invocations.
            WarmUpError: the function answered with an error.
        """
        check_alias(self._lambda, self._stack)
        self._check_room(environments)
        began_s = self._clock.monotonic_s()
        warm: dict[str, Environment] = {}
        throttled = rounds = 0
        spent_s, hold_s = 0.0, HOLD_S
        while len(warm) < environments:
            left_s = timeout_s - (self._clock.monotonic_s() - began_s)
            if left_s <= 0:
                break
            rounds += 1
            # Held to the end, no answer could arrive in time.
            answers = self._hold(environments, min(hold_s, left_s / 2), answer_within_s=left_s)
            together = {
                one.environment.environment_id: one.environment
                for one in answers
                if one.environment is not None
            }
            # Rounds are not added up: an environment of an earlier one may be gone.
            warm = max(warm, together, key=len)
            throttled += sum(one.is_throttled for one in answers)
            spent_s += sum(one.took_s for one in answers)
            # A slow start must not be missed twice.
            hold_s = min(hold_s * 2, 60.0)
            if len(warm) < environments:
                self._clock.sleep(1.0)
        return WarmUp(
            wanted=environments,
            environments=tuple(warm.values()),
            throttled=throttled,
            rounds=rounds,
            took_s=self._clock.monotonic_s() - began_s,
            cost_usd=spent_s * usd_per_second,
        )

    def _hold(self, count: int, hold_s: float, *, answer_within_s: float) -> list[_Answer]:
        """One round of calls that overlap."""
        event = json.dumps({"zeroidle": "warm", "hold_ms": round(hold_s * 1000)}).encode()
        client = self._invoker(answer_within_s, count)
        try:
            with ThreadPoolExecutor(count, thread_name_prefix="zeroidle-warm") as pool:
                return list(pool.map(lambda _: self._invoke(client, event), range(count)))
        finally:
            client.close()

    def _invoke(self, client: "LambdaClient", event: bytes) -> _Answer:
        began_s = self._clock.monotonic_s()
        try:
            response = client.invoke(
                FunctionName=self._stack.function_name,
                Qualifier=self._stack.alias_name,
                Payload=event,
            )
        except client.exceptions.TooManyRequestsException:
            return _Answer(environment=None, is_throttled=True, took_s=0.0)
        except ReadTimeoutError:
            return _Answer(environment=None, took_s=self._clock.monotonic_s() - began_s)
        answer: Any = json.loads(response["Payload"].read())
        if response.get("FunctionError"):
            kind = answer.get("errorType", "unknown") if isinstance(answer, dict) else "unknown"
            raise WarmUpError(
                f"the function answered the warm-up with an error ({kind}); its log group is "
                f"{self._stack.log_group_name}"
            )
        try:
            environment = Environment(
                environment_id=str(answer["environment_id"]), init_ms=int(answer["init_ms"])
            )
        except (KeyError, TypeError, ValueError):
            raise WarmUpError(
                "the function does not know the warm-up: is it of this version of zeroidle?"
            ) from None
        return _Answer(environment=environment, took_s=self._clock.monotonic_s() - began_s)

    def _check_room(self, environments: int) -> None:
        """Held invocations must not throttle the queue's."""
        reserved: int | None = self._lambda.get_function_concurrency(
            FunctionName=self._stack.function_name
        ).get("ReservedConcurrentExecutions")
        if reserved is None:
            room = self._lambda.get_account_settings()["AccountLimit"][
                "UnreservedConcurrentExecutions"
            ]
            whose = "the account's unreserved concurrency"
        else:
            room, whose = reserved, f"the function's reserved concurrency of {reserved}"
        taken = self._taken()
        if environments > room - taken:
            raise RoomError(
                f"{whose} leaves room for {max(0, room - taken)} held invocations ({room} less "
                f"{taken} that the queue may use), not for {environments}; ask for fewer, raise "
                "it, or wait until the queue is empty"
            )

    def _taken(self) -> int:
        """What the queue's own invocations may need meanwhile; 0 while it is empty."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._stack.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        messages = sum(int(value) for value in attributes.values())
        mapping = self._lambda.get_event_source_mapping(UUID=self._stack.event_source_mapping_id)
        if mapping["State"] == "Disabled":
            return 0
        batches = math.ceil(messages / mapping.get("BatchSize", 1))
        return min(batches, mapping.get("ScalingConfig", {}).get("MaximumConcurrency", batches))


def check_alias(lambda_: "LambdaClient", stack: Stack) -> None:
    """Refuse what nobody can warm.

    Raises:
        AliasError: the function has no such alias, or it stands for $LATEST.
    """
    try:
        alias = lambda_.get_alias(FunctionName=stack.function_name, Name=stack.alias_name)
    except lambda_.exceptions.ResourceNotFoundException:
        raise AliasError(
            f"function {stack.function_name} has no alias {stack.alias_name!r}; deploy the stack "
            "again, or make the alias that the mapping uses"
        ) from None
    if alias["FunctionVersion"] == "$LATEST":
        raise AliasError(
            f"alias {stack.alias_name!r} stands for $LATEST, which can have no provisioned "
            "concurrency and changes under warm environments; publish a version and point it there"
        )
