"""What is known of a letter when it is looked at: its own words, its age, and its job's row."""

from dataclasses import asdict, dataclass

from zeroidle_contract import Status
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.rows import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A letter, seen at a moment, with its job's row if it has one."""

    letter: Letter
    standing: Standing | None
    now_ms: int

    @property
    def age_s(self) -> int:
        """Seconds since it first entered any queue: its retention runs from there."""
        return max(0, self.now_ms - self.letter.sent_ms) // 1000

    @property
    def is_done(self) -> bool:
        """True when this very job succeeded or was cancelled."""
        row, job = self.standing, self.letter.job
        return (
            row is not None
            and row.status.is_terminal
            and job is not None
            and row.content_sha256 == job.content_sha256()
        )

    @property
    def status(self) -> Status | None:
        """How the job stands."""
        return self.standing.status if self.standing is not None else None

    def facts(self) -> dict[str, str | int | bool | None]:
        """What filters ask for."""
        return asdict(
            LetterFacts(
                code=self.letter.code,
                fingerprint=self.letter.fingerprint,
                task=self.letter.task,
                tenant=self.letter.tenant,
                job_id=self.letter.job_id,
                message_id=self.letter.message_id,
                age_s=self.age_s,
                attempts=self.standing.attempts if self.standing is not None else None,
                redrive_count=self.letter.redrive_count,
                moved_by_sqs=self.letter.moved_by_sqs,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """The fields that a filter may name."""

    code: str
    fingerprint: str
    task: str | None
    tenant: str | None
    job_id: str | None
    message_id: str
    age_s: int
    attempts: int | None
    redrive_count: int
    moved_by_sqs: bool
