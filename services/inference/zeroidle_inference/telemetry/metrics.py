"""The function's instruments: the one place where their names, help texts and labels stand.

A registry lives for one invocation, so that its counters are that invocation's. Nobody scrapes a
function: `emf` writes what a registry holds as log lines when the invocation ends.

Every label has few values, all known here: CloudWatch charges for each combination.
"""

import threading
from enum import StrEnum
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from zeroidle_inference.engine.request import TokenUsage

NO_TASK = "none"
"""Stands for the task of a record that is no job."""

TASKS = ("classify", "extract", "redact", "summarize", "complete", NO_TASK)
DEPENDENCIES = ("dynamodb", "s3", "sqs")
TOKEN_KINDS = ("prefilled", "cached", "forced", "sampled")


class Outcome(StrEnum):
    """How one job left one invocation."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETURNED = "returned"
    DUPLICATE = "duplicate"
    INVALID = "invalid"


MOST_VALUES = 1000
"""That a distribution keeps of one invocation: ten log lines."""


class Distribution(Histogram):
    """A histogram that keeps what it observed, too: EMF carries values, not buckets.

    Beyond `MOST_VALUES` it keeps every second one, then every fourth, and so on: percentiles stay
    what they are, however long the invocation.
    """

    def __init__(self, name: str, documentation: str, **settings: Any) -> None:  # noqa: ANN401 - the base class's
        super().__init__(name, documentation, **settings)
        self.name = name
        self.values: list[float] = []
        self._observed = 0
        self._stride = 1
        self._keeping = threading.Lock()

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count the value, and keep it while there is room."""
        super().observe(amount, exemplar)
        with self._keeping:
            if self._observed % self._stride == 0:
                self.values.append(amount)
            self._observed += 1
            if len(self.values) > MOST_VALUES:
                self.values = self.values[::2]
                self._stride *= 2


class Metrics:
    """All instruments of one invocation, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.jobs = Counter(
            "zeroidle_jobs_total",
            "Jobs that left an invocation, by how: succeeded; failed (in the table and the "
            "dead-letter queue); returned to the queue; duplicate of a job that had ended; "
            "invalid, a record that is no job (task none).",
            ("task", "outcome"),
            registry=registry,
        )
        self.tokens = Counter(
            "zeroidle_tokens_total",
            "Tokens by kind: prefilled (computed of prompts), cached (copied from a shared prefix "
            "instead), forced (of answers, given by the grammar) and sampled (of answers).",
            ("kind",),
            registry=registry,
        )
        self.batch_width = Distribution(
            "zeroidle_batch_width",
            "Sequences that one step of the engine advanced together.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self.step = Distribution(
            "zeroidle_step_seconds",
            "Time of one step of the engine: schedule, decode, settle.",
            unit="seconds",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=registry,
        )
        self.queue_wait = Distribution(
            "zeroidle_queue_wait_seconds",
            "From a message's arrival in the queue to the end of its job's claim; of messages "
            "that are received for the first time. The wait for the model is in it.",
            unit="seconds",
            buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400),
            registry=registry,
        )
        self.cold_starts = Counter(
            "zeroidle_cold_starts_total",
            "Invocations that had to wait for the model to be loaded.",
            registry=registry,
        )
        self.lost_claims = Counter(
            "zeroidle_lost_claims_total",
            "Jobs whose lease had been taken over when this invocation wanted to end them: their "
            "work was done for nothing.",
            registry=registry,
        )
        self.partial_failures = Counter(
            "zeroidle_partial_failures_total",
            "Messages that invocations returned to the queue (batchItemFailures). Lambda counts no "
            "error for them.",
            registry=registry,
        )
        self.dependency_down = Counter(
            "zeroidle_dependency_down_total",
            "Invocations in which a dependency did not serve: no answer, throttled, failing or "
            "forbidden, after the client's own retries.",
            ("dependency",),
            registry=registry,
        )
        self.gb_seconds = Counter(
            "zeroidle_gb_seconds_total",
            "Memory in GB times the time of invocations that handled a batch. Init is not in it.",
            unit="gb_seconds",
            registry=registry,
        )
        self.prefix_cache_hits = Counter(
            "zeroidle_prefix_cache_hits_total",
            "Requests to the engine that began from a cached prefix.",
            registry=registry,
        )

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The instruments that hold values."""
        return (self.batch_width, self.step, self.queue_wait)

    def count_tokens(self, usage: TokenUsage) -> None:
        """Add what one request used."""
        counts = (usage.prompt - usage.cached, usage.cached, usage.forced, usage.sampled)
        for kind, count in zip(TOKEN_KINDS, counts, strict=True):
            self.tokens.labels(kind).inc(count)

    def touch_all(self) -> None:
        """Make every combination of labels stand in the registry, with 0: for the glossary."""
        for task, outcome in product(TASKS, Outcome):
            self.jobs.labels(task, outcome.value)
        for kind in TOKEN_KINDS:
            self.tokens.labels(kind)
        for dependency in DEPENDENCIES:
            self.dependency_down.labels(dependency)
