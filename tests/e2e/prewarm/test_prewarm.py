"""`zeroidle prewarm now`, typed: environments of the real function, warm before the work comes."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from terminal import Terminal, log_in

from zeroidle_contract import Classify, Document, Job, Status
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.model]

TIMEOUT_S = 120


@pytest.fixture
def terminal(
    stack: Target, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    return Terminal("prewarm", capsys, where=log_in(monkeypatch, stack))


@contextmanager
def reserved(stack: Target, count: int) -> Iterator[None]:
    function = stack.stack.function_name
    stack.lambda_.put_function_concurrency(
        FunctionName=function, ReservedConcurrentExecutions=count
    )
    try:
        yield
    finally:
        stack.lambda_.delete_function_concurrency(FunctionName=function)


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_two_distinct_environments_become_warm_and_the_next_batch_waits_for_no_model(
    stack: Target, terminal: Terminal
) -> None:
    code, warmed = terminal.json(f"now --environments 2 --timeout-s {TIMEOUT_S} --yes")
    job = Job(
        job_id=f"warm-{uuid.uuid4().hex}",
        task=Classify(labels=("good", "bad")),
        document=Document(text="The kettle boils fast."),
    )
    with stack.producer() as producer:
        producer.submit(job)
        result = producer.wait([job.job_id], TIMEOUT_S)[job.job_id]

    assert code == 0
    assert (warmed["wanted"], warmed["distinct"]) == (2, 2)
    assert len({one["environment_id"] for one in warmed["environments"]}) == 2
    assert all(one["init_ms"] > 0 for one in warmed["environments"])
    assert 0 < warmed["cost_usd"] < 0.1
    assert result.status == Status.SUCCEEDED
    assert result.timings.cold_start_ms == 0


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_fewer_than_wanted_within_the_timeout_is_exit_code_3_with_what_there_is_and_its_cost(
    terminal: Terminal,
) -> None:
    """One is warm already; no other starts, loads the model and is held in a second and a half."""
    terminal(f"now --environments 1 --timeout-s {TIMEOUT_S} --yes")

    code, warmed = terminal.json("now --environments 6 --timeout-s 1.5 --yes")

    assert (code, warmed["wanted"]) == (3, 6)
    assert 1 <= warmed["distinct"] == len(warmed["environments"]) < 6
    assert warmed["cost_usd"] > 0


def test_more_than_is_reserved_is_refused_before_anything_is_invoked(
    stack: Target, terminal: Terminal
) -> None:
    with reserved(stack, 2):
        assert terminal("now --environments 3 --yes") == (1, "")

    assert "leaves room for 2 held invocations" in terminal.err
