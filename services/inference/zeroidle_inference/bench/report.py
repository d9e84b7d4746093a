"""Results of a benchmark: the JSON that DESIGN fixes, a plain table, a bar chart in SVG."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

RESULTS = Path("build/bench")
_BAR_WIDTH = 420
_LABEL_WIDTH = 330
_LINE_HEIGHT = 20


def write(name: str, rows: Sequence[Row], *, folder: Path = RESULTS) -> Path:
    """Write `<name>.json`: name, commit, machine, when, rows."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    result = {
        "name": name,
        "commit": commit(),
        "machine": machine(),
        "when": now(),
        "rows": list(rows),
    }
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def read(name: str, *, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The rows of `<name>.json`; none if nothing was measured yet."""
    path = folder / f"{name}.json"
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def now() -> str:
    """The time of a measurement: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> str:
    """The commit that is measured, with a plus sign where the tree differs from it."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - the git of the path
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def machine() -> str:
    """Processor, its count, and memory, in one line."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {os.cpu_count()} CPUs, {gib:.0f} GiB, {platform.system()}"


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as aligned text; numbers to the right, what is absent as a dash."""
    cells = [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[i]) for line in cells)) for i, column in enumerate(columns)
    ]
    is_number = [
        any(isinstance(row.get(column), int | float) for row in rows) for column in columns
    ]

    def line(texts: Sequence[str]) -> str:
        placed = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(texts, widths, is_number, strict=True)
        )
        return "  ".join(placed).rstrip()

    return "\n".join([line(columns), *(line(texts) for texts in cells)])


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004
    return str(value)


def chart(title: str, blocks: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """Bars in SVG, each block to its own scale; ours (first word `zeroidle`) stands out."""
    parts: list[str] = []
    y = 50
    for block, bars in blocks.items():
        parts.append(f'<text x="10" y="{y}" class="h">{escape(block)}</text>')
        largest = max(value for _, value in bars)
        for label, value in bars:
            y += _LINE_HEIGHT
            width = _BAR_WIDTH * value / largest
            kind = "ours" if label.startswith("zeroidle") else "peer"
            parts.append(
                f'<text x="{_LABEL_WIDTH - 8}" y="{y}" text-anchor="end">{escape(label)}</text>'
                f'<rect x="{_LABEL_WIDTH}" y="{y - 12}" width="{width:.1f}" height="14" '
                f'class="{kind}"/>'
                f'<text x="{_LABEL_WIDTH + width + 6:.1f}" y="{y}">{_text(value)}</text>'
            )
        y += 2 * _LINE_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL_WIDTH + _BAR_WIDTH + 80}" '
        f'height="{y}" font-family="sans-serif" font-size="12">'
        "<style>.h{font-weight:bold}.ours{fill:#1f6f54}.peer{fill:#b9bfc6}</style>"
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<text x="10" y="24" font-size="16">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )
