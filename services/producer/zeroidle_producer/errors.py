"""What can go wrong for a producer. Messages name ids, fields and codes, never a document's text.

    ProducerError
    ├── InvalidJobError      the job cannot succeed as it is; `code` says why. Nothing was sent
    ├── JobConflictError     other content stands under this job id. Nothing was sent
    ├── NotSentError         AWS did not take the job; submitting the same job again is safe
    ├── UnknownJobError      no job stands under this id, or its retention is over
    └── WaitTimeoutError     some jobs had not ended in time

Reading and cancelling let the errors of boto3 pass through. A large result that was altered or
removed in S3 raises `zeroidle_contract.ClaimCheckError`.
"""

from zeroidle_contract import ErrorCode, Result, Status


class ProducerError(Exception):
    """Base of this package's errors."""


class InvalidJobError(ProducerError):
    """The job cannot succeed as it is. `code` is what the consumer would answer."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class JobConflictError(ProducerError):
    """Other content stands under this job id, with `status`; it was left as it is."""

    def __init__(self, job_id: str, status: Status) -> None:
        super().__init__(
            f"other content stands under job id {job_id!r} (status {status}); "
            "give each document an id of its own"
        )
        self.job_id = job_id
        self.status = status


class NotSentError(ProducerError):
    """AWS did not take the job. `reason` is AWS's error code, or the name of boto3's error."""

    def __init__(self, job_id: str, step: str, reason: str) -> None:
        super().__init__(
            f"job {job_id!r} was not sent: {step} failed with {reason}; "
            "submitting the same job again is safe"
        )
        self.job_id = job_id
        self.reason = reason


class UnknownJobError(ProducerError):
    """No job stands under this id, or its retention is over."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id!r}; ids count within their tenant")
        self.job_id = job_id


class WaitTimeoutError(ProducerError):
    """Some jobs had not ended in time.

    Attributes:
        results: what had ended and was not yet handed out, by job id.
        pending: ids of the jobs that had not ended, ids that are not known included.
    """

    def __init__(
        self, *, timeout_s: float, pending: tuple[str, ...], results: dict[str, Result]
    ) -> None:
        super().__init__(f"{len(pending)} jobs had not ended after {timeout_s:g} s")
        self.timeout_s = timeout_s
        self.pending = pending
        self.results = results
