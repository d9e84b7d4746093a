"""Results: which states are final, and which values no output can hold."""

import pytest
from pydantic import ValidationError

from zeroidle_contract import Entity, Result, Span, Status


@pytest.mark.parametrize("status", Status)
def test_only_success_and_cancellation_are_final(status: Status) -> None:
    assert status.is_terminal == (status in {Status.SUCCEEDED, Status.CANCELLED})


def test_a_span_starts_at_or_after_the_documents_beginning() -> None:
    with pytest.raises(ValidationError):
        Span(start=-1, end=3, entity=Entity.NAME)


def test_a_result_cannot_have_cost_less_than_nothing() -> None:
    with pytest.raises(ValidationError):
        Result(job_id="a", status=Status.SUCCEEDED, gb_seconds=-0.1)
