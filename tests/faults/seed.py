"""Runs one seed: publishes its jobs in waves, lets everything go wrong, waits until the queue is
empty, and hands the history to the checker.
"""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from faults.checker import History, Letter, Verdict, check
from faults.environment import Environment, Likelihoods, Observer, Timings
from faults.injector import Rates
from faults.journal import JournalReader
from faults.mapping import Mapping
from faults.nursery import Nursery
from faults.population import name_in, plan
from faults.recovery import Recoveries
from faults.roles import Setting
from faults.row_history import RowHistory
from faults.simulated_clock import SimulatedClock
from faults.traffic import Traffic
from faults.witness import Witness
from faults.world import template_timings

from emulator import Emulator, StackResources, stack_resources
from zeroidle_contract import Status
from zeroidle_contract.codec import ATTRIBUTE_ERROR_CODE

WAVE = 200
CONCURRENCY = 4
MOST_SKEW_S = 2.0
REDRIVE_EVERY_WAVES = 3
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is run."""

    seed: int
    jobs: int
    rates: Rates = field(default_factory=Rates)
    likelihoods: Likelihoods = field(default_factory=Likelihoods)
    mutant: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came out. `row` is the benchmark's row, `happened` counts what was injected."""

    row: dict[str, Any]
    verdict: Verdict
    late: tuple[str, ...]
    left: tuple[str, ...]
    happened: dict[str, int]

    @property
    def problems(self) -> tuple[str, ...]:
        return self.verdict.problems + self.late + self.left


def run_seed(setup: Setup, emulator: Emulator, folder: Path) -> Report:
    """Run one seed on a `SimulatedEmulator`, whose folder this is."""
    timings = template_timings()
    began_s = time.monotonic()
    with (
        stack_resources(
            emulator,
            visibility_timeout_s=timings.visibility_s,
            max_receive_count=timings.max_receives,
        ) as resources,
        Nursery() as nursery,
    ):
        run = Run(setup, emulator, resources, nursery, folder, timings)
        try:
            run.drive()
            return run.report(time.monotonic() - began_s)
        finally:
            run.close()


@dataclass
class Run:
    """One seed under way."""

    setup: Setup
    emulator: Emulator
    resources: StackResources
    nursery: Nursery
    folder: Path
    timings: Timings

    def __post_init__(self) -> None:
        self.name = f"seed-{self.setup.seed}-{self.setup.mutant or 'none'}"
        self.rng = random.Random(self.setup.seed)  # noqa: S311 - a plan
        self.clock = SimulatedClock(self.folder / "clock")
        self.began_s = self.clock.true_s
        self.witness = Witness(
            reader=JournalReader(self.folder / f"{self.name}.journal"),
            recoveries=Recoveries(self.timings),
            clock=self.clock,
            dynamodb=self.emulator.dynamodb,
            table=self.resources.jobs_table,
        )
        self.planned = {
            one.name: one for one in plan(self.setup.seed, self.setup.jobs, self.clock.now())
        }
        self.rows = RowHistory(
            dynamodb=self.emulator.dynamodb, streams=self.streams, table=self.resources.jobs_table
        )
        self.rows_read_s = self.clock.true_s
        self.last_redrives = 3
        self.made = 0
        self.mapping = Mapping(
            sqs=self.emulator.sqs,
            queue_url=self.resources.queue_url,
            endpoint=self.emulator.url,
            clock=self.clock,
            timings=self.timings,
            likelihoods=self.setup.likelihoods,
            rng=self.rng,
            make_environment=lambda: self._make("environment"),
            observer=Observer(
                began=self.witness.began,
                crashed=self.witness.crashed,
                answered=self.witness.answered,
            ),
            concurrency=CONCURRENCY,
        )
        self.traffic = Traffic(
            sqs=self.emulator.sqs,
            resources=self.resources,
            mapping=self.mapping,
            rng=self.rng,
            make_publisher=lambda: self._make("publisher"),
            twin=self.setup.likelihoods.twin,
        )

    @property
    def cured(self) -> Path:
        return self.folder / f"{self.name}.cured"

    @cached_property
    def streams(self) -> Any:
        return self.emulator.session.client("dynamodbstreams", endpoint_url=self.emulator.url)

    def drive(self) -> None:
        """Until all is published, redriven and drained."""
        planned = list(self.planned.values())
        waves = [planned[start : start + WAVE] for start in range(0, len(planned), WAVE)]
        half = len(waves) // 2
        while True:
            is_busy = self.mapping.turn()
            for moment_s in self.witness.read():
                self.mapping.may_return_at(moment_s)
            if is_busy:
                continue
            if waves:
                self.traffic.publish(waves.pop(0))
                if len(waves) == half:
                    self.cured.touch()
                if len(waves) % REDRIVE_EVERY_WAVES == 0:
                    self.traffic.redrive(self.planned)
                self.rows.read()
            elif not self._goes_on():
                break
        self.rows.read()

    def _goes_on(self) -> bool:
        """Let time pass until something can happen; False when nothing will."""
        if self._goes_in_circles():
            return False
        if self.mapping.advance():
            self._read_rows_daily()
            return True
        if self.last_redrives and self.traffic.redrive(self.planned):
            self.last_redrives -= 1
            return True
        self.clock.sleep(60)
        return self._in_queue() > 0

    def _goes_in_circles(self) -> bool:
        """True when there were far more invocations than any fault explains."""
        return self.mapping.happened["invocations"] > len(self.planned) + 100

    def report(self, wall_s: float) -> Report:
        """Collect what is left, and have it checked."""
        letters = [
            Letter(name_in(one["Body"]), _error_code(one))
            for one in self._take_all(self.resources.dead_letter_queue_url)
        ]
        queue = Counter(name_in(one["Body"]) for one in self._take_all(self.resources.queue_url))
        verdict = check(
            History(
                planned=self.planned,
                acknowledged=frozenset(self.traffic.acknowledged),
                cancelled=frozenset(self.traffic.cancelled),
                versions=self.rows.versions,
                queue=queue,
                letters=letters,
                steps=self.witness.steps,
            )
        )
        happened = self.witness.happened + self.mapping.happened + self.traffic.happened
        ends = Counter(versions[-1].status for versions in self.rows.versions.values())
        return Report(
            row={
                "seed": self.setup.seed,
                "sent": len(self.traffic.acknowledged),
                "succeeded": ends[Status.SUCCEEDED],
                "failed": ends[Status.FAILED],
                "in_queue": queue.total(),
                "in_dlq": len(letters),
                "lost": len(verdict.lost),
                "doubled": len(verdict.doubled),
                "innocent_in_dlq": len(verdict.innocent_in_dlq),
                "wasted_inference": round(verdict.wasted_inference, 4),
                "recovery_s_max": round(self.witness.recoveries.max_s, 1),
            },
            verdict=verdict,
            late=tuple(self.witness.recoveries.late),
            left=tuple(self.witness.left),
            happened={
                **dict(sorted(happened.items())),
                "recovery_after_hiding_s_max": round(self.witness.recoveries.max_after_hiding_s),
                "simulated_s": round(self.clock.true_s - self.began_s),
                "wall_s": round(wall_s),
            },
        )

    def close(self) -> None:
        self.mapping.close()
        self.traffic.close()
        self.witness.close()
        self.streams.close()
        self.clock.close()

    def _make(self, role: str) -> Environment:
        self.made += 1
        who = f"{role}-{self.made}"
        setting = Setting(
            role=role,
            who=who,
            seed=self.setup.seed,
            endpoint=self.emulator.url,
            clock=self.folder / "clock",
            journal=self.folder / f"{self.name}.journal",
            cured=self.cured,
            skew_s=self.rng.uniform(-MOST_SKEW_S, MOST_SKEW_S),
            rates=self.setup.rates,
            resources=self.resources,
            mutant=self.setup.mutant,
        )
        pid, connection = self.nursery.make(setting)
        return Environment(who, pid, connection)

    def _take_all(self, queue_url: str) -> list[dict[str, Any]]:
        self.clock.sleep(self.timings.visibility_s + 60)
        taken = []
        while messages := self.mapping.receive(queue_url):
            taken += messages
        return taken

    def _in_queue(self) -> int:
        attributes = self.emulator.sqs.get_queue_attributes(
            QueueUrl=self.resources.queue_url, AttributeNames=["All"]
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(
            attributes["ApproximateNumberOfMessagesNotVisible"]
        )

    def _read_rows_daily(self) -> None:
        if self.clock.true_s - self.rows_read_s > DAY_S / 4:
            self.rows_read_s = self.clock.true_s
            self.rows.read()


def _error_code(message: dict[str, Any]) -> str | None:
    attributes = message.get("MessageAttributes", {})
    code: str | None = attributes.get(ATTRIBUTE_ERROR_CODE, {}).get("StringValue")
    return code
