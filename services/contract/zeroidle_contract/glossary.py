"""The glossary of metrics: each package writes its own part of docs/metrics.md from its registry.

Knows no metrics and does not need prometheus-client: a family is anything with its four fields.
A part stands between two marks that name its package, and everything outside of them is prose.

    python -m zeroidle_inference.telemetry docs/metrics.md
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

MOST_LISTED = 8
"""Values of a label that are worth a list; of others there are too many, or they are not known."""


class Sample(Protocol):
    """One value of a family."""

    @property
    def labels(self) -> Mapping[str, str]:
        """By name."""
        ...


class Family(Protocol):
    """What a registry's `collect()` gives: a metric with its samples."""

    @property
    def name(self) -> str:
        """Without `_total`."""
        ...

    @property
    def type(self) -> str:
        """`counter`, `gauge` or `histogram`."""
        ...

    @property
    def documentation(self) -> str:
        """The help text."""
        ...

    @property
    def samples(self) -> Sequence[Sample]:
        """With every combination of labels, where these are known."""
        ...


def table(families: Iterable[Family]) -> str:
    """The families as a table in Markdown, by name."""
    rows = ["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|"]
    for family in sorted(families, key=lambda family: family.name):
        name = family.name + ("_total" if family.type == "counter" else "")
        meaning = " ".join(family.documentation.split()).replace("|", r"\|")
        rows.append(f"| `{name}` | {family.type} | {_labels(family)} | {meaning} |")
    return "\n".join(rows)


def _labels(family: Family) -> str:
    values: dict[str, dict[str, None]] = {}
    for sample in family.samples:
        for label, value in sample.labels.items():
            if (family.type, label) != ("histogram", "le"):
                values.setdefault(label, {})[value] = None
    described = [
        f"`{label}`: {', '.join(found)}"
        if len(found) <= MOST_LISTED and all(found)
        else f"`{label}`"
        for label, found in values.items()
    ]
    return "<br>".join(described) or "none"


def replaced(page: str, package: str, part: str) -> str:
    """The page with a package's part between its marks.

    Raises:
        ValueError: the page does not have each mark once.
    """
    begin, end = f"<!-- begin {package} -->\n", f"<!-- end {package} -->\n"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs each of these lines once:\n{begin}{end}")
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{part}\n\n{end}{after}"


def write(path: Path, package: str, families: Iterable[Family]) -> None:
    """Bring a package's part of the page up to date."""
    path.write_text(replaced(path.read_text(), package, table(families)))
