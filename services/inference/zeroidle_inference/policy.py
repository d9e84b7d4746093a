"""The failure policy, as data: what each error means for the job, and when its message comes back.

A failure is either the job's own (`FAIL`: recorded and sent to the dead-letter queue at once) or
may pass (`RETRY`: returned to the queue). A retry spends an attempt unless it is nobody's fault.

Backoff is exponential with full jitter: uniform(0, min(cap, base x 2^(attempt - 1))) seconds
(M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
"""

import math
import random
from dataclasses import dataclass
from enum import Enum

from zeroidle_contract import (
    EXPLANATIONS,
    ClaimCheckError,
    ErrorCode,
    InvalidRecordError,
    JobError,
    fingerprint,
)
from zeroidle_inference.engine.errors import (
    DecodeError,
    GrammarError,
    ModelFileError,
    PromptTooLongError,
)
from zeroidle_inference.errors import DependencyDownError, TooSlowError
from zeroidle_inference.lease import Refused
from zeroidle_inference.tasks.task import TaskError
from zeroidle_inference.telemetry import where

SOON_S = 1
"""Visibility of a message that was returned for lack of time, or after a lost race."""

HELD_JITTER_S = 3
"""Spread of the messages that wait for another holder's lease."""

LONGEST_VISIBILITY_S = 12 * 3600
"""SQS's limit."""


class Verdict(Enum):
    """What becomes of a job after an error."""

    FAIL = "fail"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds until a message is seen again: from `least_s`, growing from `base_s` to `cap_s`."""

    base_s: float
    cap_s: float
    least_s: float = 0.0

    def visibility_s(self, attempts: int, rng: random.Random) -> int:
        """A whole number of seconds, with full jitter above `least_s`."""
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(attempts - 1, 32))
        return math.ceil(self.least_s + rng.uniform(0, ceiling))


@dataclass(frozen=True, slots=True)
class Rule:
    """The policy for one class of errors.

    `code` is the error code, unless the error brings its own. `tells` is True where the error's
    message is written for readers and known to hold nothing of the document.
    """

    verdict: Verdict
    code: ErrorCode | None = None
    spends_attempt: bool = True
    backoff: Backoff = Backoff(base_s=5, cap_s=300)
    tells: bool = False


OUTAGE = Rule(
    Verdict.RETRY,
    ErrorCode.DEPENDENCY_DOWN,
    spends_attempt=False,
    backoff=Backoff(base_s=180, cap_s=180, least_s=120),
    tells=True,
)
"""Minutes, so that an outage does not use up a message's receives."""

RULES: tuple[tuple[type[Exception], Rule], ...] = (
    (InvalidRecordError, Rule(Verdict.FAIL, tells=True)),
    (ClaimCheckError, Rule(Verdict.FAIL, tells=True)),
    (TaskError, Rule(Verdict.FAIL, tells=True)),
    (PromptTooLongError, Rule(Verdict.FAIL, ErrorCode.DOCUMENT_TOO_LONG, tells=True)),
    (GrammarError, Rule(Verdict.FAIL, ErrorCode.INVALID_SCHEMA, tells=True)),
    # The model's chat template refuses these roles: another order of messages may do.
    (ModelFileError, Rule(Verdict.FAIL, ErrorCode.INVALID_JOB, tells=True)),
    (TooSlowError, Rule(Verdict.RETRY, ErrorCode.TIMEOUT_TOO_SHORT, tells=True)),
    (DependencyDownError, OUTAGE),
    (DecodeError, Rule(Verdict.RETRY, ErrorCode.INTERNAL)),
    (Exception, Rule(Verdict.RETRY, ErrorCode.INTERNAL)),
)
"""The first row that matches holds."""

MODEL_NOT_READY = Backoff(base_s=60, cap_s=60, least_s=30)
"""For batches that met an environment without a model."""


def rule_for(error: Exception) -> Rule:
    """The policy's row for an error."""
    return next(rule for kind, rule in RULES if isinstance(error, kind))


def job_error(error: Exception) -> JobError:
    """What the row and the dead letter say of an error."""
    rule = rule_for(error)
    own = error if isinstance(error, InvalidRecordError | ClaimCheckError | TaskError) else None
    code = own.code if own is not None else rule.code or ErrorCode.INTERNAL
    return explain(code, str(error) if rule.tells else describe(error))


def explain(code: ErrorCode, message: str) -> JobError:
    """An error of a code, with a message for readers."""
    return JobError(
        code=code,
        message=message,
        retryable=EXPLANATIONS[code].retryable,
        fingerprint=fingerprint(code, message),
    )


def describe(error: BaseException) -> str:
    """An unexpected error without its message, which may quote the document."""
    return f"unexpected {type(error).__name__} in {where(error)}"


def visibility_after_refusal_s(refused: Refused, now_ms: int, rng: random.Random) -> int:
    """When a record comes back whose job somebody else has: at the end of that lease."""
    if refused.lease_expires_at_ms is None or refused.lease_expires_at_ms <= now_ms:
        return SOON_S
    remaining_s = (refused.lease_expires_at_ms - now_ms) / 1000
    return min(LONGEST_VISIBILITY_S, math.ceil(remaining_s + rng.uniform(0, HELD_JITTER_S)))
