"""Error codes are explained, and fingerprints group failures of one cause."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import EXPLANATIONS, ErrorCode, fingerprint


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_says_what_it_means_and_what_to_do(code: ErrorCode) -> None:
    explanation = EXPLANATIONS[code]

    assert explanation.meaning.endswith(".")
    assert explanation.remedy.endswith(".")


def test_only_codes_that_a_deployment_or_time_cures_can_succeed_unchanged() -> None:
    retryable = {code for code in ErrorCode if EXPLANATIONS[code].retryable}

    assert retryable == {
        ErrorCode.ATTEMPTS_EXHAUSTED,
        ErrorCode.DEPENDENCY_DOWN,
        ErrorCode.INTERNAL,
        ErrorCode.UNKNOWN_TASK,
        ErrorCode.UNSUPPORTED_VERSION,
    }


@given(code=st.sampled_from(ErrorCode), message=st.text())
def test_a_fingerprint_is_twelve_hex_digits(code: ErrorCode, message: str) -> None:
    assert re.fullmatch("[0-9a-f]{12}", fingerprint(code, message))


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.text(alphabet=st.characters(exclude_characters="'")),
)
def test_numbers_and_quoted_parts_do_not_change_a_fingerprint(a: int, b: int, quoted: str) -> None:
    one = fingerprint("internal", f"row {a} of 'table' at 0x1f has no column {a}")
    other = fingerprint("internal", f"row {b} of '{quoted}' at 0xbeef has no column {b}")

    assert one == other


def test_code_and_words_change_a_fingerprint() -> None:
    first = fingerprint("internal", "no memory")

    assert fingerprint("invalid_job", "no memory") != first
    assert fingerprint("internal", "no space") != first


def test_fingerprints_stay_the_same_between_versions() -> None:
    # On-call compares them across deployments.
    assert fingerprint("document_missing", "the S3 object does not exist") == "68c2e786651c"
