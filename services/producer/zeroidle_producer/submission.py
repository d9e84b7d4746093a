"""What became of one submitted job."""

from dataclasses import dataclass

from zeroidle_contract import Status
from zeroidle_producer.errors import ProducerError


@dataclass(frozen=True)
class Submission:
    """What became of one submitted job.

    Attributes:
        job_id: as given ("" where `submit_many` was given none).
        status: the state of the job's row after the call; None where an error left no row. With
            `NotSentError` it is queued, though no message was sent: submit it again.
        sent: True when a message was sent by this call. False when an equal job already stood
            under the id and is past its queue, or with an error.
        error: only from `submit_many`; `submit` raises it.
    """

    job_id: str
    status: Status | None
    sent: bool
    error: ProducerError | None = None
