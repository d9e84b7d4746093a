"""One job's story: what the log tells, what is to be done, and how it is printed."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from zeroidle_contract import (
    ErrorCode,
    JobError,
    JobRow,
    ModelIdentity,
    Result,
    Status,
    SummarizeOutput,
    Timings,
    Usage,
    load_prices,
)
from zeroidle_ops.log_lines import Line
from zeroidle_ops.story.history import Event, events
from zeroidle_ops.story.story import DeadLetterLook, FoundLetter, JobStory, next_step
from zeroidle_ops.story.telling import job_json, job_table

PRICES = load_prices()
AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
PROD = "--stack prod"
SECRET = "Ms Quillfeather lives at 3 Mill Lane"
OWNER = "8a5f7a3e-3c1b-4f3b-9a10-0c5f2a7d9e11/5d1d1a0e-0000-4f3b-9a10-0c5f2a7d9e11"
PRODUCERS = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=defdfd9912dc5a56;Sampled=1"


def a_story(status: Status, **fields: Any) -> JobStory:
    """A job of five minutes ago, with as much told as its status has."""
    row = JobRow(
        job_key="claims/claim-4711",
        job_id="claim-4711",
        tenant="claims",
        status=status,
        content_sha256="",
        attempts=2,
        fence=2,
        commits=int(status in {Status.SUCCEEDED, Status.FAILED}),
        task="summarize",
        submitted_at=AT - timedelta(minutes=5),
        completed_at=AT - timedelta(minutes=1) if status is not Status.RUNNING else None,
        lease_owner=OWNER,
        trace_header=PRODUCERS,
    )
    if status in {Status.QUEUED, Status.RUNNING}:
        row = replace(row, completed_at=None)
    row = replace(row, **fields.pop("row", {}))
    result = fields.pop("result", row.to_result())
    return JobStory(row=row, result=result, at=AT, log_group="/zeroidle/prod", **fields)


def succeeded(**fields: Any) -> JobStory:
    result = Result(
        job_id="claim-4711",
        status=Status.SUCCEEDED,
        output=SummarizeOutput(summary=SECRET),
        usage=Usage(prompt_tokens=363, cached_tokens=250, forced_tokens=1, sampled_tokens=60),
        timings=Timings(queued_ms=225_000, cold_start_ms=300, prefill_ms=110, decode_ms=2000),
        gb_seconds=2.0,
        model=ModelIdentity(
            name="SmolLM2", sha256="0" * 64, quantisation="Q4_0", prompt_version="1"
        ),
        attempts=2,
        completed_at=AT - timedelta(minutes=1),
    )
    return a_story(Status.SUCCEEDED, result=result, **fields)


def failed(**fields: Any) -> JobStory:
    error = JobError(
        code=ErrorCode.DOCUMENT_TOO_LONG,
        message="the document has 9000 tokens",
        retryable=False,
        fingerprint="0123456789ab",
    )
    return a_story(Status.FAILED, row={"error": error}, **fields)


def a_look(code: str | None = None, *, seen: int = 3, messages: int = 3) -> DeadLetterLook:
    found = None
    if code is not None:
        found = FoundLetter(code=code, redrive_count=1, expires_at=AT + timedelta(days=13))
    return DeadLetterLook(found=found, seen=seen, messages=messages, queue_keeps_s=345_600)


def printed(story: JobStory, *, show_output: bool = False) -> str:
    output = io.StringIO()
    table = job_table(story, PRICES, stack_option=PROD, show_output=show_output)
    Console(file=output, width=80).print(table)
    return output.getvalue()


def unwrapped(story: JobStory) -> str:
    return " ".join(printed(story).split())


def a_line(action: str, *, second: int = 0, **fields: Any) -> Line:
    at = AT - timedelta(minutes=4) + timedelta(seconds=second)
    told = {"timestamp": at.isoformat(), "level": "INFO", "action": action, **fields}
    return Line(at=AT, text=json.dumps(told))


def of_claim(action: str, **fields: Any) -> Line:
    return a_line(action, job_id="claim-4711", tenant="claims", request_id="r", **fields)


HISTORY = (
    of_claim("attempt_failed", attempts=1, code="internal", fingerprint="0123456789ab"),
    of_claim("job_returned", reason="internal", visibility_s=40),
    of_claim("job_returned", reason="out_of_time", visibility_s=0, second=60),
    of_claim("job_succeeded", attempts=2, second=120),
)


def test_the_history_is_the_jobs_own_lines_and_no_others() -> None:
    others = (
        a_line("job_returned", job_id="claim-47110", tenant="claims", reason="outage"),
        a_line("job_returned", job_id="claim-4711", tenant="another", reason="outage"),
        a_line("metrics", job_id="claim-4711", tenant="claims"),
        Line(at=AT, text="REPORT RequestId: claim-4711"),
        Line(at=AT, text='["claim-4711"]'),
    )

    found = list(events([*others, *HISTORY], job_id="claim-4711", tenant="claims"))

    assert [event.sentence for event in found] == [
        "attempt 1 failed: internal (0123456789ab)",
        "went back to the queue: internal; hidden for 40 s",
        "went back to the queue: the invocation's time was over; hidden for 0 s",
        "succeeded in attempt 2",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            of_claim("job_failed", attempts=3, code="attempts_exhausted"),
            "given up after 3 attempts: attempts_exhausted",
        ),
        (of_claim("job_failed", attempts=1, code="internal"), "given up: internal"),
        (
            of_claim("job_duplicate", status="succeeded"),
            "delivered once more; it had succeeded before",
        ),
        (
            a_line("record_invalid", job_id="claim-4711", code="invalid_job"),
            "its message was no valid job: invalid_job",
        ),
        (
            of_claim("job_returned", reason="unsettled"),
            "went back to the queue: its end could not be recorded in time",
        ),
    ],
    ids=lambda value: getattr(value, "text", "")[-40:],
)
def test_each_outcome_is_a_sentence(line: Line, sentence: str) -> None:
    [event] = events([line], job_id="claim-4711", tenant="claims")

    assert event.sentence == sentence


def test_a_succeeded_jobs_story_is_whole() -> None:
    told = tuple(events(HISTORY, job_id="claim-4711", tenant="claims"))

    text = unwrapped(succeeded(events=told))

    for part in (
        "claims/claim-4711",
        "submitted 2026-11-24 03:07:00 UTC, 5 min 0 s ago",
        "ended 2026-11-24 03:11:00 UTC, after 4 min 0 s",
        "attempts 2",
        "history 2026-11-24 03:08:00 attempt 1 failed: internal (0123456789ab)",
        "03:10:00 succeeded in attempt 2",
        "waited 3 min 45 s, model load 300 ms, prefill 110 ms, decode 2000 ms, commit 0 ms",
        "363 prompt (250 of them cached), 1 forced, 60 sampled",
        "$0.0000267 of compute (2.000 GB-s)",
        "trace 1-5759e988-bd862e3fe1be46a994272793 (the producer's)",
        "request 8a5f7a3e-3c1b-4f3b-9a10-0c5f2a7d9e11",
        'log /zeroidle/prod, filter job_id = "claim-4711"',
    ):
        assert part in text
    assert "next" not in text


def test_a_failed_job_is_explained_and_its_redrive_told() -> None:
    text = unwrapped(failed(dead_letter=a_look("document_too_long")))

    assert "document_too_long: the document has 9000 tokens" in text
    assert "fingerprint 0123456789ab" in text
    assert "The document does not fit the model's context" in text
    assert "Split the document, or deploy with a larger context." in text
    assert "in the dead-letter queue, expires in 13 d 0 h, redrives so far: 1" in text
    assert "zeroidle redrive plan --where \"job_id == 'claim-4711'\" --reason … --stack" in text


@pytest.mark.parametrize(
    ("story", "step"),
    [
        (succeeded(), None),
        (a_story(Status.CANCELLED), "a cancelled job never runs"),
        (a_story(Status.QUEUED), "Wait for its turn"),
        (a_story(Status.QUEUED, dead_letter=a_look("moved_by_sqs")), "redrive reconcile --stack"),
        (
            a_story(
                Status.QUEUED,
                row={"submitted_at": AT - timedelta(days=5)},
                dead_letter=a_look(),
            ),
            "Submit it again: it is older than the 4 days",
        ),
        (
            a_story(
                Status.QUEUED,
                events=(Event(at=AT, action="job_returned", reason="outage", visibility_s=90),),
            ),
            "seen again at 03:13:30 UTC",
        ),
        (
            a_story(Status.RUNNING, row={"lease_expires_at_ms": AT.timestamp() * 1000 + 60_000}),
            "an invocation works on it",
        ),
        (
            a_story(Status.RUNNING, row={"lease_expires_at_ms": AT.timestamp() * 1000 - 60_000}),
            "its invocation ended without a word",
        ),
        (failed(), "zeroidle redrive inspect --stack prod"),
        (failed(dead_letter=a_look()), "is not in the dead-letter queue"),
        (failed(dead_letter=a_look(seen=400, messages=9000)), "redrive inspect --stack prod"),
        (failed(dead_letter=a_look("moved_by_sqs")), "redrive reconcile"),
    ],
    ids=lambda value: value.row.status if isinstance(value, JobStory) else None,
)
def test_each_state_says_what_is_to_be_done(story: JobStory, step: str | None) -> None:
    told = next_step(story, stack_option=PROD)

    assert told is None if step is None else step in (told or "")


def test_a_lease_that_ran_out_stands_out() -> None:
    over_ms = int((AT - timedelta(seconds=90)).timestamp() * 1000)

    text = unwrapped(a_story(Status.RUNNING, row={"lease_expires_at_ms": over_ms}))

    assert "lease ran out 1 min 30 s ago, until 2026-11-24 03:10:30 UTC" in text


def test_a_long_history_is_shortened_in_the_middle() -> None:
    many = tuple(
        Event(at=AT, action="job_returned", reason=f"reason {number}") for number in range(100)
    )

    text = printed(a_story(Status.QUEUED, events=many))

    assert text.count("went back to the queue") == 15
    assert "… 85 more, see --json" in text
    assert "reason 99" in text


def test_what_could_not_be_read_is_named() -> None:
    story = failed(unreadable={"log": "AccessDeniedException"}, is_history_partial=True)

    text = unwrapped(story)

    assert "not read log: AccessDeniedException" in text
    assert "the log is longer than one look: a part of it" in text


@pytest.mark.parametrize(
    "story",
    [
        succeeded(events=tuple(events(HISTORY, job_id="claim-4711", tenant="claims"))),
        failed(dead_letter=a_look("document_too_long"), unreadable={"log": "x" * 60}),
        a_story(Status.RUNNING, row={"lease_expires_at_ms": 0}),
        a_story(Status.QUEUED, dead_letter=a_look("moved_by_sqs")),
        a_story(Status.CANCELLED),
    ],
    ids=lambda story: story.row.status,
)
def test_it_fits_80_columns_and_json_has_it_too(story: JobStory) -> None:
    value = job_json(story, PRICES, stack_option=PROD, show_output=False)

    assert max(map(len, printed(story).splitlines())) <= 80
    assert json.loads(json.dumps(value))["next_step"] == next_step(story, stack_option=PROD)
    assert value["history"] == [
        {
            "at": event.at.isoformat(timespec="milliseconds"),
            "action": event.action,
            "request_id": event.request_id,
            "trace_id": event.trace_id,
            "attempts": event.attempts,
            "code": event.code,
            "fingerprint": event.fingerprint,
            "reason": event.reason,
            "visibility_s": event.visibility_s,
        }
        for event in story.events
    ]


@pytest.mark.parametrize("show_output", [False, True])
def test_an_answer_is_shown_only_when_asked_for(show_output: bool) -> None:
    value = job_json(succeeded(), PRICES, stack_option=PROD, show_output=show_output)

    assert (SECRET in printed(succeeded(), show_output=show_output)) == show_output
    assert ("output" in value) == show_output
