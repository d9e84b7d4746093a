"""The files and tables that every benchmark leaves."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from zeroidle_inference.bench import report


def test_results_are_written_in_the_one_form(tmp_path: Path) -> None:
    path = report.write("bench-engine", [{"model": "small", "tasks_per_s": 2.5}], folder=tmp_path)
    result = json.loads(path.read_text())
    assert path.name == "bench-engine.json"
    assert list(result) == ["name", "commit", "machine", "when", "rows"]
    assert result["rows"] == [{"model": "small", "tasks_per_s": 2.5}]


def test_a_table_aligns_numbers_to_the_right_and_dashes_what_is_absent() -> None:
    rows: list[dict[str, object]] = [
        {"system": "a", "rate": 1.23456},
        {"system": "long", "rate": None},
    ]
    assert report.table(rows, ["system", "rate"]) == "system  rate\na       1.23\nlong       -"


def test_a_chart_has_a_bar_for_each_value_and_escapes_names() -> None:
    picture = report.chart("title", {"block": [("zeroidle", 2.0), ("a <peer>", 1.0)]})
    bars = [
        (bar.get("class"), bar.get("width"))
        for bar in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect")  # noqa: S314 - our own text
        if bar.get("class")
    ]
    assert bars == [("ours", "420.0"), ("peer", "210.0")]
