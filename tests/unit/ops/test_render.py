import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    ErrorCode,
    JobError,
    Result,
    Status,
    Summarize,
    SummarizeOutput,
    Task,
    Timings,
    Usage,
    load_prices,
)
from zeroidle_ops import console, render
from zeroidle_ops.demo import DemoReport, judge
from zeroidle_ops.demo_report import demo_json, demo_table
from zeroidle_ops.jobs import FailureGroup, Failures
from zeroidle_ops.samples import Sample
from zeroidle_producer import JobConflictError, Submission

PRICES = load_prices()
SECRET = "Ms Quillfeather lives at 3 Mill Lane"


def printed(renderable: RenderableType, width: int = 80) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(renderable)
    return output.getvalue()


def a_sample(name: str = "review-01", expected: Any = None, task: Task | None = None) -> Sample:
    return Sample(
        set_name="reviews",
        name=name,
        text=SECRET,
        task=task or Classify(labels=("positive", "negative")),
        expected=expected,
    )


def a_result(**fields: Any) -> Result:
    return Result(
        **{
            "job_id": "a",
            "status": Status.SUCCEEDED,
            "output": ClassifyOutput(
                label="positive", probabilities={"positive": 0.875, "negative": 0.125}
            ),
            "usage": Usage(prompt_tokens=363, cached_tokens=250, forced_tokens=1),
            "timings": Timings(queued_ms=1200, cold_start_ms=300, prefill_ms=110, decode_ms=40),
            "gb_seconds": 2.0,
            "attempts": 1,
        }
        | fields
    )


FAILED = a_result(
    status=Status.FAILED,
    output=None,
    gb_seconds=0.0,
    usage=Usage(),
    error=JobError(
        code=ErrorCode.DOCUMENT_TOO_LONG,
        message="the document has 9000 tokens",
        retryable=False,
        fingerprint="0123456789ab",
    ),
)


@pytest.fixture
def report() -> DemoReport:
    summary = SummarizeOutput(summary="A long summary " * 10)
    return DemoReport(
        outcomes=(
            judge(a_sample(expected="positive"), a_result()),
            judge(a_sample("review-02", expected="negative"), a_result()),
            judge(a_sample("review-03", expected="negative"), FAILED),
            judge(a_sample("report-01", task=Summarize()), a_result(output=summary)),
        ),
        wall_s=12.34,
    )


def test_the_demo_as_json_counts_jobs_by_task(report: DemoReport) -> None:
    value = demo_json(report, PRICES)

    assert {name: value[name] for name in ("submitted", "succeeded", "failed", "by_task")} == {
        "submitted": 4,
        "succeeded": 3,
        "failed": 1,
        "by_task": {
            "classify": {"submitted": 3, "succeeded": 2, "failed": 1},
            "summarize": {"submitted": 1, "succeeded": 1, "failed": 0},
        },
    }
    assert value["wall_s"] == 12.34
    assert value["scores"] == {"reviews": {"accuracy": {"value": 0.5, "hits": 1, "total": 2}}}


def test_the_demo_costs_gb_seconds_at_the_dated_price(report: DemoReport) -> None:
    value = demo_json(report, PRICES)

    assert value["compute_usd"] == pytest.approx(3 * 2.0 * 0.0000133334)
    assert value["prices_as_of"] == "2026-11-01"


def test_the_demos_table_fits_80_columns(report: DemoReport) -> None:
    lines = printed(demo_table(report, PRICES)).splitlines()

    assert max(len(line) for line in lines) <= 80


def test_the_demos_table_tells_answer_time_tokens_and_cost(report: DemoReport) -> None:
    text = printed(demo_table(report, PRICES))

    assert "review-01 ✓ positive 88%" in text
    assert "review-02 ✗ positive 88%" in text
    assert "1.2/0.3/0.1/0.0/0.0" in text
    assert "363/250/1/0" in text
    assert "0.027" in text  # dollars for a thousand such jobs
    assert "3 of 4 as promised, in 12.3 s" in text
    assert "reviews: accuracy 50% (1/2)" in text


def test_the_commands_print_no_markup(
    report: DemoReport, capsys: pytest.CaptureFixture[str]
) -> None:
    console.show({}, demo_table(report, PRICES), json=False)

    assert "[" not in capsys.readouterr().out


def test_the_demos_table_names_the_reason_of_a_failure(report: DemoReport) -> None:
    text = printed(demo_table(report, PRICES))

    assert "✗ document_too_long" in text
    assert "reviews/review-03: document_too_long: the document has 9000 tokens" in text


def test_failures_come_with_counts_examples_and_what_to_do() -> None:
    group = FailureGroup(
        code=ErrorCode.INVALID_SCHEMA,
        count=12,
        latest="2026-11-01T10:00:00.000Z",
        examples=("-/a", "claims/b"),
    )

    text = printed(render.failures_table(Failures(groups=(group,), dead_letters=3)))

    assert "  12  invalid_schema  2026-11-01T10:00:00" in text
    assert "claims/b" in text
    assert "Simplify the schema" in text
    assert "12 failed jobs; 3 messages in the dead-letter queue" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_no_failures_still_tells_of_dead_letters() -> None:
    text = printed(render.failures_table(Failures(groups=(), dead_letters=2)))

    assert text == "no failed jobs; 2 messages in the dead-letter queue\n"


def test_a_refused_job_is_told_with_its_reason() -> None:
    error = JobConflictError("a", Status.SUCCEEDED)
    submissions = [Submission("a", Status.SUCCEEDED, sent=False, error=error)]

    text = printed(render.submitted_table(submissions, [], PRICES))

    assert "other content stands under job id 'a'" in text


def test_a_result_that_was_waited_for_is_printed_whole() -> None:
    submissions = [Submission("a", Status.QUEUED, sent=True)]

    text = printed(render.submitted_table(submissions, [a_result()], PRICES))

    assert "a  succeeded" in text
    assert '"label": "positive"' in text
