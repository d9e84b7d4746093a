"""Prints one job's story: lines of name and value that fit 80 columns, and the same as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_contract import Prices, Status
from zeroidle_ops.observe.screen import duration
from zeroidle_ops.render import STATUS_STYLES, JsonValue, result_json
from zeroidle_ops.story.history import Event
from zeroidle_ops.story.story import JobStory, next_step

FIRST_SHOWN: Final = 3
LAST_SHOWN: Final = 12
SHORT_MS: Final = 10_000

Rows = Iterator[tuple[str, str | Text]]


def job_json(story: JobStory, prices: Prices, *, stack_option: str, show_output: bool) -> JsonValue:
    """One job's story as one object."""
    row, explanation, look = story.row, story.explanation, story.dead_letter
    result = result_json(story.result, prices)
    if not show_output:
        result.pop("output")
    return {
        **result,
        "tenant": row.tenant,
        "task": row.task,
        "submitted_at": _iso(row.submitted_at),
        "ended_at": _iso(story.ended_at),
        "took_s": story.took_s,
        "commits": row.commits,
        "lease_owner": row.lease_owner,
        "lease_expires_at_ms": row.lease_expires_at_ms,
        "request_id": story.request_id,
        "trace_header": row.trace_header,
        "producer_trace_id": story.producer_trace_id,
        "invocation_trace_ids": list(story.invocation_trace_ids),
        "log_group": story.log_group,
        "history": [{**asdict(event), "at": _iso(event.at)} for event in story.events],
        "history_is_partial": story.is_history_partial,
        "dead_letter": None
        if look is None
        else {
            "seen": look.seen,
            "messages": look.messages,
            "found": None
            if look.found is None
            else {**asdict(look.found), "expires_at": _iso(look.found.expires_at)},
        },
        "explanation": None
        if explanation is None
        else {
            "meaning": explanation.meaning,
            "remedy": explanation.remedy,
            "retryable": explanation.retryable,
        },
        "next_step": next_step(story, stack_option=stack_option),
        "unreadable": dict(story.unreadable),
    }


def job_table(
    story: JobStory, prices: Prices, *, stack_option: str, show_output: bool
) -> RenderableType:
    """One job's story as lines of name and value."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        *_state(story),
        *_history(story),
        *_work(story, prices),
        *_error(story),
        *_places(story),
    ]
    for name, value in rows:
        table.add_row(name, Text(value) if isinstance(value, str) else value)
    step = next_step(story, stack_option=stack_option)
    if step is not None:
        table.add_row("next", Text(step, style="bold"))
    for part, reason in story.unreadable.items():
        table.add_row("not read", Text(f"{part}: {reason}", style="yellow"))
    if show_output and story.result.output is not None:
        table.add_row("output", Text(story.result.output.model_dump_json(indent=2)))
    return table


def _state(story: JobStory) -> Rows:
    row = story.row
    yield "job", Text(row.job_key, style="bold")
    yield "status", Text(row.status.value, style=STATUS_STYLES[row.status])
    if row.task is not None:
        yield "task", row.task
    if row.submitted_at is not None:
        yield "submitted", f"{_moment(row.submitted_at)}, {_ago(row.submitted_at, story.at)}"
    if story.ended_at is not None:
        took = "" if story.took_s is None else f", after {duration(story.took_s)}"
        yield "ended", f"{_moment(story.ended_at)}{took}"
    elif row.status is Status.QUEUED and story.took_s is not None:
        yield "waits", f"for {duration(story.took_s)} so far"
    yield "attempts", str(story.result.attempts or row.attempts)
    ends = story.lease_ends_at
    if ends is not None:
        left_s = (ends - story.at).total_seconds()
        until = f"until {_moment(ends)}"
        yield (
            "lease",
            Text(f"{until}, {duration(left_s)} from now")
            if left_s > 0
            else Text(f"ran out {duration(-left_s)} ago, {until}", style="red"),
        )


def _history(story: JobStory) -> Rows:
    events = story.events
    left_out = len(events) - FIRST_SHOWN - LAST_SHOWN
    name = "history"
    for number, event in enumerate(events):
        if left_out > 0 and FIRST_SHOWN <= number < FIRST_SHOWN + left_out:
            if number == FIRST_SHOWN:
                yield "", Text(f"… {left_out} more, see --json", style="dim")
            continue
        yield name, _line(event, events[number - 1] if number else None)
        name = ""
    if story.is_history_partial:
        yield name, Text("the log is longer than one look: a part of it", style="yellow")


def _line(event: Event, before: Event | None) -> Text:
    is_same_day = before is not None and before.at.date() == event.at.date()
    moment = f"{event.at:%H:%M:%S}" if is_same_day else f"{event.at:%Y-%m-%d %H:%M:%S}"
    return Text.assemble((moment, "dim"), f"  {event.sentence}")


def _work(story: JobStory, prices: Prices) -> Rows:
    result = story.result
    if result.status is Status.SUCCEEDED:
        timings, usage = result.timings, result.usage
        waited = f"waited {_span(timings.queued_ms)}, model load {_span(timings.cold_start_ms)}, "
        worked = f"prefill {_span(timings.prefill_ms)}, decode {_span(timings.decode_ms)}, "
        yield "time", f"{waited}{worked}commit {_span(timings.commit_ms)}"
        prompt = f"{usage.prompt_tokens} prompt ({usage.cached_tokens} of them cached), "
        answer = f"{usage.forced_tokens} forced, {usage.sampled_tokens} sampled"
        yield "tokens", f"{prompt}{answer}"
        yield "cost", f"${prices.compute_usd(result):.7f} of compute ({result.gb_seconds:.3f} GB-s)"
    if result.model is not None:
        model = result.model
        yield "model", f"{model.name} {model.quantisation} {model.sha256[:12]}"


def _error(story: JobStory) -> Rows:
    error, explanation, look = story.result.error, story.explanation, story.dead_letter
    if error is not None and explanation is not None:
        yield "error", Text(f"{error.code}: {error.message}", style="red")
        yield "", f"fingerprint {error.fingerprint}"
        yield "means", explanation.meaning
        yield "do", explanation.remedy
    if look is not None and look.found is not None:
        left_s = (look.found.expires_at - story.at).total_seconds()
        times = look.found.redrive_count
        redriven = f", redrives so far: {times}" if times else ""
        yield "message", f"in the dead-letter queue, expires in {duration(left_s)}{redriven}"
    elif look is not None and story.row.status is Status.FAILED:
        yield "message", f"not among the {look.seen} of {look.messages} dead letters that were seen"


def _places(story: JobStory) -> Rows:
    if story.producer_trace_id is not None:
        yield "trace", f"{story.producer_trace_id} (the producer's)"
    if story.invocation_trace_ids:
        yield "trace", f"{story.invocation_trace_ids[-1]} (the last invocation's)"
    if story.request_id is not None:
        yield "request", story.request_id
    yield "log", f'{story.log_group}, filter job_id = "{story.row.job_id}"'


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _ago(at: datetime, now: datetime) -> str:
    return f"{duration((now - at).total_seconds())} ago"


def _span(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < SHORT_MS else duration(milliseconds / 1000)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
