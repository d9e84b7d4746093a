"""What becomes of one letter of a plan: sent, dropped because its work is done, or left.

Pure: the letter, its job's row and the rules decide.
"""

from dataclasses import dataclass
from enum import StrEnum

from zeroidle_ops.redrive.archive import Fate
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.rows import Standing


class Kept(StrEnum):
    """Why a letter stays in the dead-letter queue."""

    CAP = "redriven as often as allowed"
    CONFLICT = "another job of the same id stands in the table, with other content"
    NO_ROOM = "no room for the redrive's two attributes (a message holds ten)"
    NOT_SENT = "SQS refused it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A fate, or the reason to leave the letter where it is."""

    fate: Fate | None = None
    kept: Kept | None = None


def triage(
    letter: Letter, standing: Standing | None, *, plan_id: str, max_redrives: int
) -> Verdict:
    """Decide.

    A job that succeeded or was cancelled is done: its letter is archived and dropped, because the
    consumer would ignore it. Only the same content counts; a letter whose content is another
    job's stays, because nothing has answered it.
    """
    if standing is not None and standing.content_sha256 and letter.job is not None:
        if standing.content_sha256 != letter.job.content_sha256():
            return Verdict(kept=Kept.CONFLICT)
        if standing.status.is_terminal:
            return Verdict(fate=Fate.DROP)
    if letter.redrive_count >= max_redrives:
        return Verdict(kept=Kept.CAP)
    if letter.redriven(plan_id) is None:
        return Verdict(kept=Kept.NO_ROOM)
    return Verdict(fate=Fate.SEND)
