"""Runs one seed: publishes its jobs in waves, lets everything go wrong, waits until the queue is
empty, and hands the history to the checker.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cfnlint.decode import decode_str  # type: ignore[import-untyped] # it ships no types
from faults.checker import History, Letter, Verdict, check
from faults.injector import Rates
from faults.journal import JournalReader
from faults.mapping import Environment, Invocation, Likelihoods, Mapping, Observer, Timings
from faults.messages import Delayed, Publish, Published
from faults.nursery import Nursery
from faults.population import Kind, Planned, plan
from faults.recovery import Recoveries
from faults.roles import Setting
from faults.row_history import RowHistory
from faults.simulated_clock import SimulatedClock

from emulator import Emulator, StackResources, stack_resources
from zeroidle_contract import codec, job_key
from zeroidle_contract import table as t
from zeroidle_contract.result import Status
from zeroidle_ops.stack.deploy import template

WAVE = 200
CONCURRENCY = 4
MOST_SKEW_S = 2.0
REDRIVE_EVERY_WAVES = 3
DAY_S = 86_400
LONGEST_IDLE_S = 3 * DAY_S
"""The queue keeps messages for four days: whoever is not done by then never will be."""


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


def template_timings() -> Timings:
    """The timeout and visibility that ship."""
    decoded, _ = decode_str(template())
    timeout = decoded["Parameters"]["TimeoutSeconds"]["Default"]
    return Timings(
        timeout_s=int(timeout),
        visibility_s=decoded["Mappings"]["VisibilityByTimeout"][timeout]["Seconds"],
        max_receives=decoded["Resources"]["Queue"]["Properties"]["RedrivePolicy"][
            "maxReceiveCount"
        ],
    )


def simulated(emulator_class: type[Emulator], folder: Path) -> Emulator:
    """An emulator whose clock is the file `clock` in `folder`."""
    clock = folder / "clock"
    SimulatedClock.create(clock)

    class Simulated(emulator_class):  # type: ignore[misc, valid-type] # the tests' own class
        def environment(self) -> dict[str, str]:
            return {
                **super().environment(),
                "SIMULATED_CLOCK": str(clock),
                "PYTHONPATH": str(Path(__file__).parent / "emulator_clock"),
            }

    return Simulated(folder=folder / "emulator")


def run_seed(setup: Setup, emulator: Emulator, folder: Path) -> Report:
    """Run one seed on an emulator from `simulated`, whose folder this is."""
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
    acknowledged: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    steps: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    faulty: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = f"seed-{self.setup.seed}-{self.setup.mutant or 'none'}"
        self.rng = random.Random(self.setup.seed)  # noqa: S311 - a plan
        self.clock = SimulatedClock(self.folder / "clock")
        self.began_s = self.clock.true_s
        self.reader = JournalReader(self.folder / f"{self.name}.journal")
        self.recoveries = Recoveries(self.timings)
        self.planned = {
            one.name: one for one in plan(self.setup.seed, self.setup.jobs, self.clock.now())
        }
        self.rows = RowHistory(
            dynamodb=self.emulator.dynamodb, streams=self.streams, table=self.resources.jobs_table
        )
        self.rows_read_s = self.clock.true_s
        self.made = 0
        self.publisher: Environment | None = None
        self.mapping = Mapping(
            sqs=self.emulator.sqs,
            queue_url=self.resources.queue_url,
            endpoint=self.emulator.url,
            clock=self.clock,
            timings=self.timings,
            likelihoods=self.setup.likelihoods,
            rng=self.rng,
            make_environment=lambda: self._make("environment"),
            observer=Observer(began=self._began, crashed=self._crashed, answered=self._answered),
            concurrency=CONCURRENCY,
        )

    @property
    def cured(self) -> Path:
        return self.folder / f"{self.name}.cured"

    @cached_property
    def streams(self) -> Any:
        return self.emulator.session.client("dynamodbstreams", endpoint_url=self.emulator.url)

    def drive(self) -> None:
        """Until all is published, redriven and drained."""
        waves = [
            list(self.planned.values())[start : start + WAVE]
            for start in range(0, len(self.planned), WAVE)
        ]
        half = len(waves) // 2
        idle_since_s = self.clock.true_s
        redrives_left = 3
        while True:
            is_busy = self.mapping.turn()
            self._read_journal()
            if is_busy:
                idle_since_s = self.clock.true_s
            elif waves:
                self._publish(waves.pop(0))
                if len(waves) == half:
                    self.cured.touch()
                if len(waves) % REDRIVE_EVERY_WAVES == 0:
                    self._redrive()
                self.rows.read()
            elif self._goes_in_circles() or self.clock.true_s - idle_since_s > LONGEST_IDLE_S:
                break
            elif self.mapping.advance():
                self._read_rows_daily()
            elif redrives_left and self._redrive():
                redrives_left -= 1
            elif not self._in_queue():
                break
            else:
                self.clock.sleep(60)
        self.rows.read()

    def _goes_in_circles(self) -> bool:
        """True when there were far more invocations than any fault explains."""
        return self.mapping.happened["invocations"] > len(self.planned) + 100

    def report(self, wall_s: float) -> Report:
        """Collect what is left, and have it checked."""
        letters = [
            Letter(_name_of(message), _attribute(message, codec.ATTRIBUTE_ERROR_CODE))
            for message in self._take_all(self.resources.dead_letter_queue_url)
        ]
        queue = Counter(_name_of(one) for one in self._take_all(self.resources.queue_url))
        verdict = check(
            History(
                planned=self.planned,
                acknowledged=frozenset(self.acknowledged),
                cancelled=frozenset(self.cancelled),
                versions=self.rows.versions,
                queue=queue,
                letters=letters,
                steps=self.steps,
            )
        )
        ends = Counter(versions[-1].status for versions in self.rows.versions.values())
        return Report(
            row={
                "seed": self.setup.seed,
                "sent": len(self.acknowledged),
                "succeeded": ends[Status.SUCCEEDED],
                "failed": ends[Status.FAILED],
                "in_queue": queue.total(),
                "in_dlq": len(letters),
                "lost": len(verdict.lost),
                "doubled": len(verdict.doubled),
                "innocent_in_dlq": len(verdict.innocent_in_dlq),
                "wasted_inference": round(verdict.wasted_inference, 4),
                "recovery_s_max": round(self.recoveries.max_s, 1),
            },
            verdict=verdict,
            late=tuple(self.recoveries.late),
            left=tuple(self.left),
            happened={
                **dict(sorted((self.happened + self.mapping.happened).items())),
                "recovery_after_hiding_s_max": round(self.recoveries.max_after_hiding_s),
                "simulated_s": round(self.clock.true_s - self.began_s),
                "wall_s": round(wall_s),
            },
        )

    def close(self) -> None:
        self.mapping.close()
        if self.publisher is not None:
            self.publisher.connection.close()
        self.reader.close()
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

    def _publish(self, wave: list[Planned]) -> None:
        """Until the library has taken them all; some are sent once more, as SQS may do."""
        missing = {one.name: one.body for one in wave if one.job is not None}
        cancel = {one.name for one in wave if one.kind is Kind.CANCELLED}
        while missing or cancel - self.cancelled:
            published = self._ask_publisher(Publish(missing, tuple(cancel - self.cancelled)))
            if published is not None:
                self.acknowledged.update(published.accepted)
                self.cancelled.update(published.cancelled)
                missing = {
                    name: body for name, body in missing.items() if name not in published.accepted
                }
        for one in wave:
            if one.job is None:
                self._send(one.body)
                self.acknowledged.add(one.name)
            elif self.rng.random() < self.setup.likelihoods.twin:
                self.happened["twins"] += 1
                self._send(one.body)

    def _ask_publisher(self, publish: Publish) -> Published | None:
        """None when the publisher died over it."""
        if self.publisher is None:
            self.publisher = self._make("publisher")
        publisher = self.publisher
        try:
            publisher.connection.send(publish)
            while not isinstance(message := publisher.connection.recv(), Published):
                if isinstance(message, Delayed):
                    self.mapping.keep(message)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            publisher.connection.close()
            self.publisher = None
            self.happened["publisher_killed"] += 1
            return None
        return message

    def _send(self, body: str, **attributes: str) -> None:
        self.emulator.sqs.send_message(
            QueueUrl=self.resources.queue_url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def _redrive(self) -> int:
        """Send curable jobs back, and now and then one that will fail again."""
        count = 0
        while letters := self.mapping.receive(
            self.resources.dead_letter_queue_url, VisibilityTimeout=60
        ):
            for letter in letters:
                kind = self.planned[_name_of(letter)].kind
                if kind is not Kind.CURABLE and self.rng.random() >= 0.02:
                    continue
                count += 1
                self._send(letter["Body"], **{codec.ATTRIBUTE_REDRIVE_COUNT: "1"})
                self.emulator.sqs.delete_message(
                    QueueUrl=self.resources.dead_letter_queue_url,
                    ReceiptHandle=letter["ReceiptHandle"],
                )
        self.happened["redriven"] += count
        return count

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

    def _read_journal(self) -> None:
        for entry in self.reader.read():
            self.recoveries.read(entry)
            if entry.what == "step":
                self.steps.update(entry.subject.split(","))
            elif entry.what == "visibility":
                self.mapping.may_return_at(entry.at_s + int(entry.subject))
            elif entry.what != "sent" and not entry.what.startswith("claim"):
                self.happened[entry.what] += 1
                self.faulty.add(entry.who)

    def _began(self, who: str, invocation: Invocation) -> None:
        self._read_journal()
        self.faulty.discard(who)
        self.recoveries.began(who, invocation, _names(invocation, invocation.bodies))

    def _crashed(self, who: str, invocation: Invocation) -> None:
        self._read_journal()
        jobs = _names(invocation, invocation.bodies)
        self.recoveries.crashed(who, invocation, self.clock.true_s, jobs)

    def _answered(self, who: str, invocation: Invocation, returned: list[str]) -> None:
        self._read_journal()
        self.recoveries.answered(
            who,
            invocation,
            _names(invocation, invocation.bodies),
            is_faulty=who in self.faulty,
        )
        self.recoveries.deleted(_names(invocation, invocation.bodies.keys() - set(returned)))
        if who not in self.faulty:
            for message_id in returned:
                self._check_lease(_name_in(invocation.bodies[message_id]), invocation)

    def _check_lease(self, name: str, invocation: Invocation) -> None:
        """Whoever returns a job, and could reach the table, has no business with it any more."""
        item = self.emulator.dynamodb.get_item(
            TableName=self.resources.jobs_table, Key={t.JOB_KEY: {"S": job_key(None, name)}}
        ).get("Item", {})
        if (t.text(item, t.LEASE_OWNER) or "").startswith(f"{invocation.request_id}/"):
            self.left.append(f"{name} was returned, and stays leased to {invocation.request_id}")

    def _read_rows_daily(self) -> None:
        if self.clock.true_s - self.rows_read_s > DAY_S / 4:
            self.rows_read_s = self.clock.true_s
            self.rows.read()


def _names(invocation: Invocation, message_ids: Iterable[str]) -> list[str]:
    return [_name_in(invocation.bodies[message_id]) for message_id in message_ids]


def _name_of(message: dict[str, Any]) -> str:
    return _name_in(message["Body"])


def _name_in(body: str) -> str:
    """The job's name in a message of the plan."""
    try:
        return str(json.loads(body)["job_id"])
    except ValueError:
        return body.split(maxsplit=1)[0]


def _attribute(message: dict[str, Any], name: str) -> str | None:
    value: str | None = message.get("MessageAttributes", {}).get(name, {}).get("StringValue")
    return value
