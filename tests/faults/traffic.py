"""What producers and on-call do: publish in waves, and redrive dead letters."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from faults.environment import Environment
from faults.mapping import Mapping
from faults.messages import Delayed, Publish, Published
from faults.population import Kind, Planned, name_in

from emulator import StackResources
from zeroidle_contract.codec import ATTRIBUTE_REDRIVE_COUNT

REDRIVEN_IN_VAIN = 0.02
"""Share of the jobs that will only fail again, of each redrive."""


@dataclass
class Traffic:
    """Publishes through the real producer library, in a process that may be killed over it.

    `acknowledged` are the jobs that the library took, `cancelled` those of which it said so.
    """

    sqs: Any
    resources: StackResources
    mapping: Mapping
    rng: random.Random
    make_publisher: Callable[[], Environment]
    twin: float
    acknowledged: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    happened: Counter[str] = field(default_factory=Counter)
    _publisher: Environment | None = None

    def publish(self, wave: Sequence[Planned]) -> None:
        """Until the library has taken them all; some are sent once more, as SQS may do."""
        missing = {one.name: one.body for one in wave if one.job is not None}
        cancel = {one.name for one in wave if one.kind is Kind.CANCELLED}
        while missing or cancel - self.cancelled:
            published = self._ask(Publish(missing, tuple(cancel - self.cancelled)))
            if published is not None:
                self.acknowledged.update(published.accepted)
                self.cancelled.update(published.cancelled)
                for name in published.accepted:
                    missing.pop(name, None)
        for one in wave:
            if one.job is None:
                self._send(one.body)
                self.acknowledged.add(one.name)
            elif self.rng.random() < self.twin:
                self.happened["twins"] += 1
                self._send(one.body)

    def redrive(self, planned: dict[str, Planned]) -> int:
        """Send curable jobs back, and now and then one that will fail again; how many."""
        dead_letter_queue_url = self.resources.dead_letter_queue_url
        count = 0
        while letters := self.mapping.receive(dead_letter_queue_url, VisibilityTimeout=60):
            for letter in letters:
                kind = planned[name_in(letter["Body"])].kind
                if kind is not Kind.CURABLE and self.rng.random() >= REDRIVEN_IN_VAIN:
                    continue
                count += 1
                self._send(letter["Body"], **{ATTRIBUTE_REDRIVE_COUNT: "1"})
                self.sqs.delete_message(
                    QueueUrl=dead_letter_queue_url, ReceiptHandle=letter["ReceiptHandle"]
                )
        self.happened["redriven"] += count
        return count

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.connection.close()

    def _ask(self, publish: Publish) -> Published | None:
        """None when the publisher died over it."""
        if self._publisher is None:
            self._publisher = self.make_publisher()
        connection = self._publisher.connection
        try:
            connection.send(publish)
            while not isinstance(message := connection.recv(), Published):
                if isinstance(message, Delayed):
                    self.mapping.keep(message)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            connection.close()
            self._publisher = None
            self.happened["publisher_killed"] += 1
            return None
        return message

    def _send(self, body: str, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.resources.queue_url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
