"""Broken variants of the service, each wrong in one way that a checker must see."""

from collections.abc import Callable
from typing import Any

from zeroidle_contract import table as t
from zeroidle_inference import holder, sqs, store, writer


def _without_fence() -> None:
    """Any holder may write, whoever overtook it."""

    def write(self: Any, lease: Any, update: Any, *, leaves: Any) -> Any:
        condition = f"attribute_exists({update.name(t.JOB_KEY)})"
        item, written = self._write(
            lease.job_key, update, condition, returns="NONE", mine=holder.never
        )
        return None if written else holder.refusal_of(item)

    store.DynamoJobStore._write_leased = write  # type: ignore[method-assign]


def _acknowledge_before_commit() -> None:
    """The record is acknowledged first, whatever becomes of the commit."""
    commit = writer.Writer._commit

    def acknowledge_and_commit(self: Any, finished: Any) -> None:
        self._outcomes.acknowledge(finished.claimed.delivery.records)
        commit(self, finished)

    writer.Writer._commit = acknowledge_and_commit  # type: ignore[method-assign]


def _without_dead_letters() -> None:
    """The send to the dead-letter queue is dropped."""
    sqs.SqsQueue.send_dead_letter = lambda *_: None  # type: ignore[method-assign]


def _without_counting_attempts() -> None:
    """A claim does not count."""
    from zeroidle_inference.expression import Update  # noqa: PLC0415 - beside its use

    increment = Update.increment

    def increment_others(self: Update, attribute: str) -> None:
        if attribute == t.ATTEMPTS:
            self.keep_or_zero(attribute)
        else:
            increment(self, attribute)

    Update.increment = increment_others  # type: ignore[method-assign]


def _without_release() -> None:
    """A job that is returned stays leased."""
    store.DynamoJobStore.release = lambda *_, **__: None  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "without_fence": _without_fence,
    "acknowledge_before_commit": _acknowledge_before_commit,
    "without_dead_letters": _without_dead_letters,
    "without_counting_attempts": _without_counting_attempts,
    "without_release": _without_release,
}
"""By name, what breaks the process that calls it."""
