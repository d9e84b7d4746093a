"""Sees what the law wants to know: queues, mapping, account, failures, CloudWatch where it is.

Where CloudWatch has nothing (the local emulator has no such metrics), rates are reckoned from the
change of the queue since the last tick and from Little's law. Changes nothing.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from zeroidle_contract import ErrorCode, Stack, load_prices
from zeroidle_contract.table import ERROR_CODE, FAILED_AT, FAILURES_INDEX, iso
from zeroidle_ops.scale.measured import Measured, measure
from zeroidle_ops.scale.memory import CONTROLLER, Memory
from zeroidle_ops.scale.observation import (
    WINDOW_S,
    Observation,
    ended_now,
    fills,
    full_batch,
    running_now,
    seconds_since,
)
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

UNRESERVED_FLOOR: Final = 100
"""What PutFunctionConcurrency must leave to the account's other functions."""

SOMEBODY: Final = "somebody, past zeroidle"


@dataclass(frozen=True, kw_only=True)
class ServiceTime:
    """How long an invocation takes when all is well.

    `is_measured` is true where it comes from a service-time profile: only then can slow be told.
    """

    seconds: float = 30.0
    is_measured: bool = False


@dataclass(frozen=True, kw_only=True)
class Sight:
    """An observation, and the memory for the next one to build on."""

    observation: Observation
    memory: Memory


class Observer:
    """One stack's observer. `service_time` is what invocations take until they are measured."""

    def __init__(
        self,
        *,
        stack: Stack,
        sqs: "SQSClient",
        dynamodb: "DynamoDBClient",
        lambda_: "LambdaClient",
        cloudwatch: "CloudWatchClient",
        clock: Clock,
        service_time: ServiceTime,
    ) -> None:
        self._stack = stack
        self._sqs = sqs
        self._dynamodb = dynamodb
        self._lambda = lambda_
        self._cloudwatch = cloudwatch
        self._clock = clock
        self._service_time = service_time

    def look(self, memory: Memory) -> Sight:
        """Look at everything once, at the same time."""
        began_s = self._clock.now().timestamp()
        since_s = memory.at_s if 0 < began_s - memory.at_s <= WINDOW_S else began_s - WINDOW_S
        looks: dict[str, Callable[[], Any]] = {
            "queue": lambda: self._depth(self._stack.queue_url),
            "dead": lambda: self._depth(self._stack.dead_letter_queue_url),
            "mapping": lambda: self._lambda.get_event_source_mapping(
                UUID=self._stack.event_source_mapping_id
            ),
            "function": lambda: self._lambda.get_function_configuration(
                FunctionName=self._stack.function_name
            ),
            "reserved": lambda: self._lambda.get_function_concurrency(
                FunctionName=self._stack.function_name
            ).get("ReservedConcurrentExecutions"),
            "account": lambda: self._lambda.get_account_settings()["AccountLimit"],
            "failures": lambda: self._failures(since_s),
            "measured": lambda: measure(
                self._cloudwatch,
                function=self._stack.function_name,
                queue=self._stack.queue_arn.rsplit(":", 1)[-1],
                now_s=began_s,
            ),
        }
        with ThreadPoolExecutor(len(looks), thread_name_prefix="zeroidle-look") as pool:
            asked = {name: pool.submit(look) for name, look in looks.items()}
            seen = {name: future.result() for name, future in asked.items()}
        return self._compose(memory, seen, began_s=began_s, since_s=since_s)

    def _compose(
        self, memory: Memory, seen: dict[str, Any], *, began_s: float, since_s: float
    ) -> Sight:
        measured: Measured = seen["measured"]
        backlog, in_flight = seen["queue"]
        dead_letters, window_s = sum(seen["dead"]), began_s - since_s
        current = seen["mapping"].get("ScalingConfig", {}).get("MaximumConcurrency")
        batch_size = float(seen["mapping"].get("BatchSize", 1))
        messages = full_batch(
            batch_size=batch_size,
            handled=measured.handled,
            invocations=measured.invocations,
            fills_limit=fills(current, backlog=backlog, batch_size=batch_size),
        )
        seconds = measured.duration_s or self._service_time.seconds
        running = running_now(in_flight=in_flight, messages=messages, limit=current)
        ended_per_s = ended_now(
            running=running,
            messages=messages,
            seconds=seconds,
            ended=measured.ended,
            handled=measured.handled,
        )
        is_new = memory.at_s != since_s
        gb = seen["function"]["MemorySize"] / 1024
        usd_per_second = gb * _price(seen["function"])
        memory = _settle(memory, began_s, usd_per_second, measured, gb)
        paused_by = _paused_by(memory, seen["mapping"])
        reserved = seen["reserved"]
        unreserved = seen["account"]["UnreservedConcurrentExecutions"]
        growth_per_s = 0.0 if is_new else (backlog + in_flight - memory.messages) / window_s
        observation = Observation(
            data_age_s=max(self._clock.now().timestamp() - began_s, measured.age_s or 0.0),
            current=current,
            backlog=backlog,
            in_flight=in_flight,
            oldest_age_s=(measured.oldest_age_s or 0.0) if backlog else 0.0,
            arrivals_per_s=(
                measured.sent / WINDOW_S
                if measured.sent is not None
                else max(0.0, growth_per_s + (0.0 if is_new else ended_per_s))
            ),
            running=running,
            seconds_per_invocation=seconds,
            usual_seconds_per_invocation=(
                self._service_time.seconds if self._service_time.is_measured else None
            ),
            messages_per_invocation=messages,
            throttles_per_s=(measured.throttles or 0.0) / WINDOW_S,
            ended_per_s=ended_per_s,
            failed_per_s=seen["failures"] / window_s,
            dead_letters_per_s=(
                0.0 if is_new else max(0, dead_letters - memory.dead_letters) / window_s
            ),
            available=(
                unreserved if reserved is None else reserved + max(0, unreserved - UNRESERVED_FLOOR)
            ),
            reserved=reserved,
            spent_usd=memory.spent_usd,
            hour_left_s=3600 - began_s % 3600,
            usd_per_second=usd_per_second,
            longest_invocation_s=float(seen["function"]["Timeout"]),
            paused_by=paused_by,
            is_own_pause=paused_by == CONTROLLER,
            since_change_s=seconds_since(memory.changed_at_s, began_s),
            since_fault_s=seconds_since(memory.fault_at_s, began_s),
            since_resume_s=seconds_since(memory.resumed_at_s, began_s),
        )
        next_memory = replace(
            memory,
            at_s=began_s,
            messages=backlog + in_flight,
            dead_letters=dead_letters,
            running=running,
            paused_by=paused_by,
            pause_reason=memory.pause_reason if paused_by == memory.paused_by else None,
        )
        return Sight(observation=observation, memory=next_memory)

    def _depth(self, url: str) -> tuple[int, int]:
        """Messages that wait (delayed ones too), and those in flight."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return (
            int(attributes.get("ApproximateNumberOfMessages", 0))
            + int(attributes.get("ApproximateNumberOfMessagesDelayed", 0)),
            int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
        )

    def _failures(self, since_s: float) -> int:
        """Jobs that failed since then, of any code."""
        since = iso(datetime.fromtimestamp(since_s, UTC))
        pages = self._dynamodb.get_paginator("query")
        return sum(
            page["Count"]
            for code in ErrorCode
            for page in pages.paginate(
                TableName=self._stack.jobs_table_name,
                IndexName=FAILURES_INDEX,
                KeyConditionExpression="#code = :code AND #at > :since",
                ExpressionAttributeNames={"#code": ERROR_CODE, "#at": FAILED_AT},
                ExpressionAttributeValues={":code": {"S": code.value}, ":since": {"S": since}},
                Select="COUNT",
            )
        )


def _price(function: Any) -> float:  # noqa: ANN401 - a function's configuration
    prices = load_prices().aws_lambda
    is_arm = "arm64" in function.get("Architectures", [])
    return prices.arm64_gb_second if is_arm else prices.x86_64_gb_second


def _settle(
    memory: Memory, now_s: float, usd_per_second: float, measured: Measured, gb: float
) -> Memory:
    """The memory with this hour's spend: what is measured, or what was running; the larger.

    Of a longer gap between two looks only the first minutes are reckoned so: what ran when a
    controller was stopped last night did not run until now.
    """
    hour = int(now_s // 3600)
    spent_usd = memory.spent_usd if memory.hour == hour else 0.0
    known_until_s = min(now_s, memory.at_s + WINDOW_S)
    ran_s = max(0.0, known_until_s - max(memory.at_s, hour * 3600.0))
    spent_usd += memory.running * usd_per_second * ran_s
    if measured.gb_seconds_this_hour is not None and gb > 0:
        spent_usd = max(spent_usd, measured.gb_seconds_this_hour * usd_per_second / gb)
    return replace(memory, hour=hour, spent_usd=spent_usd)


def _paused_by(memory: Memory, mapping: Any) -> str | None:  # noqa: ANN401 - a mapping
    if mapping.get("State") not in {"Disabled", "Disabling"}:
        return None
    return memory.paused_by or SOMEBODY
