"""The glossary of metrics, from a registry to a table."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from zeroidle_contract import glossary


def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    jobs = Counter("z_jobs_total", "Jobs | by outcome.", ["outcome"], registry=made)
    jobs.labels("failed")
    jobs.labels("succeeded")
    letters = Gauge("z_letters", "Letters.", ["fingerprint"], registry=made)
    for number in range(9):
        letters.labels(str(number))
    Histogram("z_wait_seconds", "Waits.", registry=made)
    return made


def test_each_metric_is_a_row_with_its_labels_and_their_values() -> None:
    assert glossary.table(registry().collect()).splitlines()[2:] == [
        r"| `z_jobs_total` | counter | `outcome`: failed, succeeded | Jobs \| by outcome. |",
        "| `z_letters` | gauge | `fingerprint` | Letters. |",
        "| `z_wait_seconds` | histogram | none | Waits. |",
    ]


def test_a_part_replaces_what_stood_between_its_marks_and_nothing_else() -> None:
    page = (
        "# Head\n<!-- begin a -->\nold\n<!-- end a -->\nprose\n<!-- begin b -->\n<!-- end b -->\n"
    )
    once = glossary.replaced(page, "a", "new")
    assert once == page.replace("old\n", "\nnew\n\n")
    assert glossary.replaced(once, "a", "new") == once


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="begin a"):
        glossary.replaced("# Head\n", "a", "new")
