"""The exporter's metrics: the one place where their names, help texts and labels stand.

Prometheus's conventions: base units, `_total` for what only grows, no unit twice. Every label has
few values: causes beyond the most frequent are counted together. What nobody measured is absent,
so that an alert cannot mistake it for 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from zeroidle_ops.observe.snapshot import Activity, DeadLetters, Limits, Scaler, Snapshot, Source

CAUSES_AT_MOST: Final = 20
"""Causes of dead letters that get a series of their own."""

OTHER: Final = "other"

Samples = list[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A gauge: what it is called, what it means, and how it is read from a snapshot."""

    name: str
    help: str
    samples: Callable[[Snapshot], Samples]
    labels: tuple[str, ...] = ()


def _one(read: Callable[[Snapshot], float | None]) -> Callable[[Snapshot], Samples]:
    def samples(snapshot: Snapshot) -> Samples:
        value = read(snapshot)
        return [] if value is None else [((), value)]

    return samples


def _letters(read: Callable[[DeadLetters], float | None]) -> Callable[[Snapshot], Samples]:
    return _one(lambda now: None if now.dead_letters is None else read(now.dead_letters))


def _limits(read: Callable[[Limits], float | None]) -> Callable[[Snapshot], Samples]:
    return _one(lambda now: None if now.limits is None else read(now.limits))


def _activity(read: Callable[[Activity], float | None]) -> Callable[[Snapshot], Samples]:
    return _one(lambda now: None if now.activity is None else read(now.activity))


def _scaler(read: Callable[[Scaler], float | None]) -> Callable[[Snapshot], Samples]:
    return _one(lambda now: None if now.scaler is None else read(now.scaler))


def _queue_messages(now: Snapshot) -> Samples:
    if now.queue is None:
        return []
    level = now.queue
    return [
        (("waiting",), level.waiting),
        (("in_flight",), level.in_flight),
        (("delayed",), level.delayed),
    ]


def _causes(now: Snapshot) -> Samples:
    if now.dead_letters is None:
        return []
    ordered = sorted(now.dead_letters.by_cause.items(), key=lambda item: (-item[1], item[0]))
    found: Samples = [
        ((cause.code, cause.fingerprint), count) for cause, count in ordered[:CAUSES_AT_MOST]
    ]
    rest = sum(count for _, count in ordered[CAUSES_AT_MOST:])
    return [*found, ((OTHER, OTHER), rest)] if rest else found


def _decided_at(now: Snapshot) -> float | None:
    return now.decisions[0].at.timestamp() if now.decisions else None


def _target(now: Snapshot) -> float | None:
    targets = (decision.target for decision in now.decisions or ())
    return next((target for target in targets if target is not None), None)


def _decision(now: Snapshot) -> Samples:
    return [((now.decisions[0].cause,), 1)] if now.decisions else []


def _spend(now: Snapshot) -> Samples:
    if now.spend is None:
        return []
    return [
        (("compute",), now.spend.compute_usd_per_h),
        (("requests",), now.spend.requests_usd_per_h),
        (("provisioned",), now.spend.provisioned_usd_per_h),
    ]


DEFINITIONS: Final[tuple[Definition, ...]] = (
    Definition(
        name="zeroidle_queue_messages",
        help="Messages in the queue by state: waiting, in_flight, delayed. Approximate, as SQS is.",
        labels=("state",),
        samples=_queue_messages,
    ),
    Definition(
        name="zeroidle_queue_oldest_message_age_seconds",
        help="Age of the oldest waiting message, by CloudWatch; it ignores messages that were "
        "received three times or more.",
        samples=_activity(lambda it: it.oldest_age_s),
    ),
    Definition(
        name="zeroidle_queue_jobs_per_second",
        help="Jobs that left an invocation, a second, over the last five minutes.",
        samples=_activity(lambda it: None if it.jobs is None else it.jobs / it.window_s),
    ),
    Definition(
        name="zeroidle_queue_failed_jobs",
        help="Jobs that were given up in the last five minutes; their messages are dead letters.",
        samples=_activity(lambda it: it.failed),
    ),
    Definition(
        name="zeroidle_queue_wait_p95_seconds",
        help="95th percentile of the wait from arrival to claim, in the last minute that had one.",
        samples=_activity(lambda it: it.queue_wait_p95_s),
    ),
    Definition(
        name="zeroidle_queue_returned_messages",
        help="Messages that invocations gave back to the queue in the last five minutes.",
        samples=_activity(lambda it: it.returned),
    ),
    Definition(
        name="zeroidle_dead_letter_messages",
        help="Messages in the dead-letter queue, hidden ones too.",
        samples=_letters(lambda it: it.messages),
    ),
    Definition(
        name="zeroidle_dead_letter_seen_messages",
        help="Messages that the bounded look at the dead-letter queue has seen; by cause below. "
        "Absent where the role may not receive; as before while a redrive is under way.",
        samples=_letters(lambda it: it.seen),
    ),
    Definition(
        name="zeroidle_dead_letter_causes",
        help="Dead letters by error code and fingerprint, of those that were seen. The 20 most "
        "frequent; the rest as other.",
        labels=("code", "fingerprint"),
        samples=_causes,
    ),
    Definition(
        name="zeroidle_dead_letter_expires_in_seconds",
        help="Seconds until SQS deletes the oldest dead letter that was seen: its SentTimestamp "
        "plus the queue's retention. Absent while there is none.",
        samples=_letters(lambda it: it.expires_in_s),
    ),
    Definition(
        name="zeroidle_concurrency_in_use",
        help="Environments of the function busy at once; where CloudWatch does not count them, "
        "their mean over five minutes.",
        samples=_activity(lambda it: it.in_use),
    ),
    Definition(
        name="zeroidle_concurrency_maximum",
        help="The mapping's MaximumConcurrency. Absent where it has none.",
        samples=_limits(lambda it: it.maximum),
    ),
    Definition(
        name="zeroidle_concurrency_reserved",
        help="The function's reserved concurrency. Absent where it has none.",
        samples=_limits(lambda it: it.reserved),
    ),
    Definition(
        name="zeroidle_concurrency_provisioned",
        help="Environments that are kept warm for the alias.",
        samples=_limits(lambda it: it.provisioned),
    ),
    Definition(
        name="zeroidle_concurrency_account_unreserved",
        help="Concurrency of the account that no function has reserved.",
        samples=_limits(lambda it: it.account_unreserved),
    ),
    Definition(
        name="zeroidle_concurrency_mapping_enabled",
        help="1 while the queue's mapping hands out messages, 0 while it is paused.",
        samples=_limits(lambda it: float(it.is_reading)),
    ),
    Definition(
        name="zeroidle_concurrency_throttles",
        help="Invocations that Lambda refused in the last five minutes.",
        samples=_activity(lambda it: it.throttles),
    ),
    Definition(
        name="zeroidle_function_invocations",
        help="Invocations of the function in the last five minutes.",
        samples=_activity(lambda it: it.invocations),
    ),
    Definition(
        name="zeroidle_function_errors",
        help="Invocations that failed as a whole in the last five minutes.",
        samples=_activity(lambda it: it.errors),
    ),
    Definition(
        name="zeroidle_function_longest_seconds",
        help="The longest invocation of the last five minutes.",
        samples=_activity(lambda it: it.longest_s),
    ),
    Definition(
        name="zeroidle_function_timeout_seconds",
        help="The function's timeout, of the version that the alias serves.",
        samples=_limits(lambda it: it.timeout_s),
    ),
    Definition(
        name="zeroidle_function_dependency_failures",
        help="Invocations in the last five minutes in which DynamoDB, S3 or SQS did not serve.",
        samples=_activity(lambda it: it.dependency_down),
    ),
    Definition(
        name="zeroidle_scale_target_concurrency",
        help="The MaximumConcurrency that the latest of the last three decisions wanted; 0 is a "
        "pause. Absent where none of them moved it.",
        samples=_one(_target),
    ),
    Definition(
        name="zeroidle_scale_last_decision_timestamp_seconds",
        help="When the scale controller, or an operator, decided last: Unix time.",
        samples=_one(_decided_at),
    ),
    Definition(
        name="zeroidle_scale_last_decision",
        help="1 for the cause of the last decision.",
        labels=("cause",),
        samples=_decision,
    ),
    Definition(
        name="zeroidle_scale_scheduled",
        help="1 where the stack's schedule calls the scale controller each minute, 0 where the "
        "stack has none or it is disabled.",
        samples=_scaler(lambda it: float(it.is_scheduled)),
    ),
    Definition(
        name="zeroidle_scale_last_tick_timestamp_seconds",
        help="When the scale controller looked at the stack last, whether or not it changed "
        "anything: Unix time, 0 for never.",
        samples=_scaler(lambda it: it.ticked_at.timestamp() if it.ticked_at else 0.0),
    ),
    Definition(
        name="zeroidle_spend_usd_per_hour",
        help="Dollars an hour at the rate of the last five minutes, at list prices, by what is "
        "paid for: compute, requests, provisioned. A lower bound: init is not in it.",
        labels=("component",),
        samples=_spend,
    ),
)


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """The snapshot as Prometheus reads it."""
    for definition in DEFINITIONS:
        family = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
        for labels, value in definition.samples(snapshot):
            family.add_metric(labels, value)
        yield family


READ_ERRORS: Final = "zeroidle_exporter_read_errors"
READ_ERRORS_HELP: Final = (
    "Reads of a part of the stack that failed, by source. Until one succeeds its metrics are "
    "absent."
)


def read_errors(counts: dict[str, int]) -> Metric:
    """How many reads of each source have failed since the exporter started."""
    family = CounterMetricFamily(READ_ERRORS, READ_ERRORS_HELP, labels=("source",))
    for source, count in counts.items():
        family.add_metric((source,), count)
    return family


def described() -> Iterator[Metric]:
    """Every metric with its labels, for the glossary."""
    for definition in DEFINITIONS:
        family = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
        family.add_metric(["" for _ in definition.labels], 0)
        yield family
    yield read_errors({source.value: 0 for source in Source})
