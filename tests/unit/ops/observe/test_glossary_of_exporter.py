"""docs/metrics.md says what the exporter's definitions say."""

from pathlib import Path

from zeroidle_contract import glossary
from zeroidle_ops.observe.metrics import described

PAGE = Path(__file__).parents[4] / "docs" / "metrics.md"


def test_the_exporters_part_of_the_page_is_current() -> None:
    page = PAGE.read_text()
    part = glossary.table(described())
    assert page == glossary.replaced(page, "zeroidle_ops", part), "run `make metrics-page`"
