"""The trace header, as Lambda and SQS carry it."""

import pytest

from zeroidle_contract.trace import TraceHeader

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


def test_a_header_names_its_trace_its_parent_and_its_sampling() -> None:
    header = TraceHeader.parse(f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:a:0")
    assert header == TraceHeader(ROOT, PARENT, is_sampled=True)


def test_the_order_of_fields_and_spaces_between_them_do_not_matter() -> None:
    assert TraceHeader.parse(f"Sampled=1; Root={ROOT}") == TraceHeader(ROOT, None, is_sampled=True)


@pytest.mark.parametrize("sampled", ["", ";Sampled=0", ";Sampled=?", ";Sampled="])
def test_a_trace_that_nobody_decided_to_sample_is_not_sampled(sampled: str) -> None:
    header = TraceHeader.parse(f"Root={ROOT};Parent={PARENT}{sampled}")
    assert header is not None
    assert not header.is_sampled


@pytest.mark.parametrize("header", [None, "", "Sampled=1", "Root=1-2-3", f"Root={ROOT}x", "=;=;"])
def test_what_names_no_trace_is_no_header(header: str | None) -> None:
    assert TraceHeader.parse(header) is None


def test_a_parent_that_is_no_segment_id_is_none() -> None:
    header = TraceHeader.parse(f"Root={ROOT};Parent=0;Sampled=1")
    assert header == TraceHeader(ROOT, None, is_sampled=True)
