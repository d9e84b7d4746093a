"""What the real handler writes for CloudWatch: one invocation's figures in valid lines."""

from collections.abc import Callable

import emf_documents
import pytest
from e2e.faults.runtime_api import FrozenFunction
from e2e.telemetry.queued_jobs import REFUSED, REVIEW, SUMMARY, job, submitted

from emulator import Emulator, StackResources

pytestmark = [pytest.mark.emulator, pytest.mark.model]

NAME = {"AWS_LAMBDA_FUNCTION_NAME": "consumer"}


def test_each_invocation_writes_its_own_figures(
    make_function: Callable[..., FrozenFunction], emulator: Emulator, resources: StackResources
) -> None:
    first = submitted(
        emulator, resources, [job("a", REVIEW), job("b", SUMMARY), job("bad", REFUSED)]
    )
    first["Records"].append({"messageId": "x", "receiptHandle": "r", "body": "no JSON"})
    second = submitted(emulator, resources, [job("c", REVIEW)])
    with make_function(**NAME) as function:
        function.invoke(first, request_id="first")
        function.invoke(second, request_id="second")
    lines = [line for line in function.output.splitlines() if emf_documents.is_document(line)]
    documents = [emf_documents.check(line) for line in lines]

    def told(request: str, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        own = [document for document in documents if document["request_id"] == request]
        return {
            key[1:]: value
            for key, value in emf_documents.totals(own, name, "FunctionName", *labels).items()
        }

    assert told("first", "zeroidle_jobs_total", "task", "outcome") == {
        ("classify", "succeeded"): 1,
        ("summarize", "succeeded"): 1,
        ("extract", "failed"): 1,
        ("none", "invalid"): 1,
    }
    assert told("second", "zeroidle_jobs_total", "task", "outcome") == {
        ("classify", "succeeded"): 1
    }
    assert told("first", "zeroidle_cold_starts_total") == {(): 1}
    assert told("second", "zeroidle_cold_starts_total") == {(): 0}
    assert told("second", "zeroidle_partial_failures_total") == {(): 0}
    # The instruction of classify was computed by the first invocation, and kept.
    assert told("second", "zeroidle_tokens_total", "kind")[("cached",)] > 0
    assert told("second", "zeroidle_prefix_cache_hits_total")[()] >= 1
    for name in (
        "zeroidle_step_seconds",
        "zeroidle_queue_wait_seconds",
        "zeroidle_gb_seconds_total",
    ):
        assert told("first", name)[()] > 0
    assert {document["FunctionName"] for document in documents} == {"consumer"}
