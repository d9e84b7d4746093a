"""Filters: what they match, and what they refuse with a useful sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_ops.redrive import FilterError
from zeroidle_ops.redrive.filter import EVERYTHING, Filter

FACTS: dict[str, str | int | bool | None] = {
    "code": "internal",
    "fingerprint": "0123456789ab",
    "task": "extract",
    "tenant": "acme",
    "job_id": "job-1",
    "message_id": "m-1",
    "age_s": 7200,
    "attempts": 3,
    "redrive_count": 0,
    "moved_by_sqs": False,
}


@pytest.mark.parametrize(
    "expression",
    [
        EVERYTHING,
        "code == 'internal'",
        "code == 'internal' && tenant == 'acme'",
        "contains(['a', 'internal'], code)",
        "age_s > `3600`",
        "attempts >= `3` && redrive_count == `0`",
        "!moved_by_sqs",
        "starts_with(job_id, 'job-')",
    ],
)
def test_what_holds_matches(expression: str) -> None:
    assert Filter(expression).matches(FACTS)


@pytest.mark.parametrize("expression", ["code == 'other'", "age_s < `60`", "moved_by_sqs"])
def test_what_does_not_hold_does_not_match(expression: str) -> None:
    assert not Filter(expression).matches(FACTS)


def test_an_age_of_a_job_without_row_matches_no_number() -> None:
    assert not Filter("attempts > `0`").matches({**FACTS, "attempts": None})


def test_an_unknown_field_is_refused_because_it_would_match_nothing() -> None:
    with pytest.raises(FilterError, match="asks for errorcode; the fields are code, fingerprint"):
        Filter("errorcode == 'internal'")


def test_a_text_in_double_quotes_is_a_field_and_refused_with_the_reason() -> None:
    with pytest.raises(FilterError, match="Texts stand in single quotes"):
        Filter('code == "internal"')


@given(st.text(max_size=30))
def test_any_text_is_either_a_filter_or_refused(expression: str) -> None:
    try:
        Filter(expression).matches(FACTS)
    except FilterError as error:
        assert "filter" in str(error)  # noqa: PT017 - both ways are right
