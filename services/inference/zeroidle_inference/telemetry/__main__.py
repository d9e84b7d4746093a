"""Writes the function's part of the glossary of metrics: `... telemetry docs/metrics.md`."""

import argparse
from pathlib import Path

from zeroidle_contract import glossary
from zeroidle_inference.telemetry.metrics import Metrics

PACKAGE = "zeroidle_inference"


def main() -> None:
    """Bring the page up to date."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_inference.telemetry")
    parser.add_argument("page", type=Path, help="docs/metrics.md")
    metrics = Metrics()
    metrics.touch_all()
    glossary.write(parser.parse_args().page, PACKAGE, metrics.registry.collect())


if __name__ == "__main__":
    main()
