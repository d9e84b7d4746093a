"""The README's story of a failed job is what the command prints, but for times, ids and hashes."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from zeroidle_contract import Job, load_prices
from zeroidle_ops.stack.target import Target
from zeroidle_ops.story.reading import read_job
from zeroidle_ops.story.telling import job_table

pytestmark = [pytest.mark.emulator, pytest.mark.model]

README = Path(__file__).parents[2] / "README.md"
STORY = re.compile(r"    \$ zeroidle job bad-schema --local\n((?:    .+\n)+)")
CHANGING = re.compile(r"\b(?:\d-)?[0-9a-f]{8,}(?:-[0-9a-f]+)*\b|\d+(?:[.:-]\d+)*")


def without_what_changes(text: str) -> list[str]:
    return CHANGING.sub("#", text).split()


def test_the_readmes_failed_job_is_told_as_it_stands_there(stack: Target) -> None:
    [written] = STORY.findall(README.read_text())
    job = Job.model_validate(
        {
            "job_id": "bad-schema",
            "task": {"kind": "extract", "json_schema": {"type": "no such type"}},
            "document": {"text": "Invoice 12"},
        }
    )
    with stack.producer() as producer:
        producer.submit(job)
        producer.wait(["bad-schema"], timeout_s=240)

    story = read_job(stack, "bad-schema", tenant=None, now=datetime.now(UTC))

    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(
            job_table(story, load_prices(), stack_option="--local", show_output=False),
            markup=False,
            highlight=False,
        )
    assert without_what_changes(capture.get()) == without_what_changes(written)
