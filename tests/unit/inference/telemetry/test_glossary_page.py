"""docs/metrics.md says what the definitions say."""

from pathlib import Path

from zeroidle_contract import glossary
from zeroidle_inference.telemetry.metrics import Metrics

PAGE = Path(__file__).parents[4] / "docs" / "metrics.md"


def test_the_functions_part_of_the_page_is_current() -> None:
    metrics = Metrics()
    metrics.touch_all()
    page = PAGE.read_text()
    part = glossary.table(metrics.registry.collect())
    assert page == glossary.replaced(page, "zeroidle_inference", part), "run `make metrics-page`"
