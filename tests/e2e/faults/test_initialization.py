"""Init as Lambda has it: the environment is frozen after init and thawed by the first event."""

import time
from collections.abc import Callable

import pytest
from e2e.faults.runtime_api import FrozenFunction

from emulator import Emulator, StackResources
from zeroidle_contract import Classify, Document, Job, JobRow, Timings, encode

pytestmark = [pytest.mark.emulator, pytest.mark.model]

FROZEN_S = 1.0
"""Longer than what is left of the load when init ends on demand."""


def first_result(
    function: FrozenFunction, emulator: Emulator, resources: StackResources
) -> Timings:
    """The timings of a job that arrives when the environment has been frozen for a while."""
    function.await_end_of_init()
    time.sleep(FROZEN_S)
    job = Job(
        job_id="first",
        task=Classify(labels=("good", "bad")),
        document=Document(text="The kettle boils fast."),
    )
    record = {"messageId": "m", "receiptHandle": "r", "body": encode(job)}
    answer = function.invoke({"Records": [record]}, request_id="request-1")
    assert answer == {"batchItemFailures": []}
    item = emulator.dynamodb.get_item(
        TableName=resources.jobs_table, Key={"job_key": {"S": job.key}}
    )["Item"]
    return JobRow.from_item(item).to_result().timings


def test_under_provisioned_concurrency_init_ends_with_the_model_loaded(
    make_function: Callable[..., FrozenFunction], emulator: Emulator, resources: StackResources
) -> None:
    with make_function(AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency") as function:
        assert first_result(function, emulator, resources).cold_start_ms == 0


def test_on_demand_init_ends_at_once_and_the_first_job_waits_for_the_rest_of_the_load(
    make_function: Callable[..., FrozenFunction], emulator: Emulator, resources: StackResources
) -> None:
    with make_function(AWS_LAMBDA_INITIALIZATION_TYPE="on-demand") as function:
        assert first_result(function, emulator, resources).cold_start_ms > 100
