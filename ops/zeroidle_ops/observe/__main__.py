"""Writes the exporter's part of the glossary of metrics: `... observe docs/metrics.md`."""

import argparse
from pathlib import Path

from zeroidle_contract import glossary
from zeroidle_ops.observe.metrics import described

PACKAGE = "zeroidle_ops"


def main() -> None:
    """Bring the page up to date."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_ops.observe")
    parser.add_argument("page", type=Path, help="docs/metrics.md")
    glossary.write(parser.parse_args().page, PACKAGE, described())


if __name__ == "__main__":
    main()
