"""Plays what stands between queue and function: receives batches, invokes environments, deletes
what they acknowledge exactly as Lambda does, and kills at the deadline.

It also plays the rest of the world that is nobody's code: twins in the queue, early redeliveries,
deletes that fail, requests that arrive late. It never looks into the table.
"""

import contextlib
import heapq
import http.client
import itertools
import math
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any
from urllib.parse import urlsplit

from faults.environment import Environment, Invocation, Likelihoods, Observer, Timings
from faults.messages import Answered, Delayed, Invoke, Resume, Stalled
from faults.simulated_clock import SimulatedClock
from unit.inference.service.batch_contract import deleted_by_lambda

BATCH = 10
REAL_WAIT_S = 0.05


@dataclass
class Mapping:
    """An event source mapping over some environments."""

    sqs: Any
    queue_url: str
    endpoint: str
    clock: SimulatedClock
    timings: Timings
    likelihoods: Likelihoods
    rng: random.Random
    make_environment: Callable[[], Environment]
    observer: Observer
    concurrency: int
    environments: list[Environment] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _drained_s: float = 0.0
    _moments: list[int] = field(default_factory=list)
    _delayed: list[tuple[float, int, Delayed]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)

    def turn(self) -> bool:
        """One round. False when there is nothing to do at this moment, here and in the queue."""
        self._send_what_was_delayed()
        self._enforce_deadlines()
        self._resume()
        took = self._dispatch()
        runs = [one for one in self.environments if one.runs]
        if runs:
            ready = wait([one.connection for one in runs], REAL_WAIT_S)
            for one in runs:
                if one.connection in ready:
                    self._hear(one)
        return took or bool(runs)

    def advance(self) -> bool:
        """Go on to the next moment at which something can happen. False when there is none."""
        stalls = [one.stalled_until_s for one in self.environments if one.stalled_until_s]
        while self._moments and self._moments[0] <= self.clock.true_s:
            heapq.heappop(self._moments)
        due = [self._delayed[0][0]] if self._delayed else []
        moments = [*stalls, *due, *self._moments[:1]]
        if not moments:
            return False
        # A whole second is a whole number in every representation: it is reached, not approached.
        self.clock.advance_to(math.ceil(min(moments)))
        return True

    def receive(self, queue_url: str, **options: Any) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **options,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def keep(self, late: Delayed) -> None:
        """Send this request when its time has come."""
        heapq.heappush(self._delayed, (late.due_s, next(self._numbers), late))

    def close(self) -> None:
        for one in self.environments:
            one.connection.close()

    def _dispatch(self) -> bool:
        while len(self.environments) < self.concurrency:
            self.environments.append(self.make_environment())
        took = False
        for one in self.environments:
            if one.invocation is None:
                messages = self.receive(self.queue_url)
                if not messages:
                    self._drained_s = self.clock.true_s
                    break
                took = True
                self._invoke(one, messages)
        return took

    def _invoke(self, one: Environment, messages: list[dict[str, Any]]) -> None:
        now_s = self.clock.true_s
        self.happened["invocations"] += 1
        self.happened["deliveries"] += len(messages)
        self.may_return_at(now_s + self.timings.visibility_s)
        one.invocation = Invocation(
            request_id=f"{one.who}.{next(self._numbers)}",
            began_s=now_s,
            deadline_s=now_s + self.timings.timeout_s,
            receipts={message["MessageId"]: message["ReceiptHandle"] for message in messages},
            bodies={message["MessageId"]: message["Body"] for message in messages},
            hidden_at_s=self._drained_s,
        )
        if len(messages) < BATCH:
            self._drained_s = now_s
        self.observer.began(one.who, one.invocation)
        event = {"Records": [_record(message) for message in messages]}
        invoke = Invoke(one.invocation.request_id, event, one.invocation.deadline_s)
        _send(one, invoke)
        for message in messages:
            if self.rng.random() < self.likelihoods.early_redelivery:
                self.happened["early_redeliveries"] += 1
                self.sqs.change_message_visibility(
                    QueueUrl=self.queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=0,
                )

    def _hear(self, one: Environment) -> None:
        try:
            message = one.connection.recv()
        except (EOFError, ConnectionResetError):
            self._died(one, "killed")
            return
        match message:
            case Stalled(until_s):
                one.stalled_until_s = until_s
            case Delayed():
                self.keep(message)
            case Answered(response):
                self._settle(one, response)

    def _settle(self, one: Environment, response: Any) -> None:
        invocation = one.invocation
        if invocation is None:
            msg = "an environment answers only when it was invoked"
            raise RuntimeError(msg)
        if self.clock.true_s > invocation.deadline_s:
            self._died(one, "deadline")
            return
        if self.rng.random() < self.likelihoods.answer_dropped:
            self._died(one, "answer_dropped")
            return
        one.invocation = None
        deleted = deleted_by_lambda(response, list(invocation.receipts))
        returned = [name for name in invocation.receipts if name not in deleted]
        self.observer.answered(one.who, invocation, returned)
        entries = [
            {"Id": str(index), "ReceiptHandle": invocation.receipts[message_id]}
            for index, message_id in enumerate(deleted)
            if self.rng.random() >= self.likelihoods.delete_fails
        ]
        self.happened["failed_deletes"] += len(deleted) - len(entries)
        if entries:
            self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)

    def _died(self, one: Environment, why: str) -> None:
        """Lambda sees the process end, or ends it; all its messages come back by themselves."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
        self._keep_what_it_sent(one.connection)
        one.connection.close()
        self.environments.remove(one)
        self.happened[why] += 1
        if one.invocation is not None:
            self.may_return_at(one.invocation.deadline_s + 5)
            self.observer.crashed(one.who, one.invocation)

    def _keep_what_it_sent(self, connection: Connection) -> None:
        with contextlib.suppress(EOFError, ConnectionResetError):
            while connection.poll():
                message = connection.recv()
                if isinstance(message, Delayed):
                    self.keep(message)

    def _enforce_deadlines(self) -> None:
        now_s = self.clock.true_s
        for one in list(self.environments):
            if one.runs and one.invocation and now_s > one.invocation.deadline_s:
                self._died(one, "deadline")

    def _resume(self) -> None:
        now_s = self.clock.true_s
        for one in list(self.environments):
            if one.stalled_until_s is None or now_s < one.stalled_until_s or not one.invocation:
                continue
            one.stalled_until_s = None
            is_over = now_s > one.invocation.deadline_s
            if is_over and self.rng.random() >= self.likelihoods.zombie:
                self._died(one, "deadline")
                continue
            _send(one, Resume())
            if is_over:
                self.happened["zombies"] += 1
                self._let_it_run(one)

    def _let_it_run(self, one: Environment) -> None:
        """Past its deadline, an environment that was not killed in time does what it still can."""
        while one in self.environments and one.invocation is not None:
            self._hear(one)
            if one.stalled_until_s is not None:
                one.stalled_until_s = None
                _send(one, Resume())

    def _send_what_was_delayed(self) -> None:
        while self._delayed and self._delayed[0][0] <= self.clock.true_s:
            _, _, late = heapq.heappop(self._delayed)
            self.happened["late_requests"] += 1
            parts = urlsplit(late.url)
            connection = http.client.HTTPConnection(parts.netloc, timeout=20)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(late.method, target or "/", late.body, late.headers)
            connection.getresponse().read()
            connection.close()

    def may_return_at(self, true_s: float) -> None:
        """A message may be visible then."""
        heapq.heappush(self._moments, math.ceil(true_s))


def _send(one: Environment, message: object) -> None:
    """If it is dead, that is heard when it is listened to."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        one.connection.send(message)


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """As Lambda hands a message over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {"dataType": value["DataType"], "stringValue": value.get("StringValue")}
            for name, value in message.get("MessageAttributes", {}).items()
        },
    }
