"""`make screenshots`: the pictures in docs/screenshots, of a real run's report."""

import sys
import tempfile
from pathlib import Path

from screenshots.live_view import photograph_top

from browser import Browser, find_browser
from zeroidle_loadtest.report.writing import write_report

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "build" / "loadtest"
TO = ROOT / "docs" / "screenshots"


def main() -> int:
    """Photograph the newest run's report."""
    program = find_browser()
    if program is None:
        sys.stderr.write("error: no Chromium. On Debian: apt install chromium\n")
        return 1
    runs = sorted(RUNS.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        sys.stderr.write(f"error: no run in {RUNS}; run `make loadtest` first\n")
        return 1
    TO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with Browser(program=program, folder=Path(folder) / "top-profile") as browser:
            photograph_top(browser, to=TO / "top.png", folder=Path(folder))
        page = write_report(runs[-1].parent, to=Path(folder)).page
        with Browser(program=program, folder=Path(folder) / "profile") as browser:
            browser.look(width=1280, height=900)
            browser.open(page)
            browser.picture(TO / "load-report.png")
            browser.picture(TO / "load-report-crossover.png", selector="#crossover")
            browser.look(width=1280, height=900, dark=True)
            browser.open(page)
            browser.picture(TO / "load-report-dark.png")
            browser.look(width=390, height=844, phone=True)
            browser.open(page)
            browser.picture(TO / "load-report-phone.png")
    for picture in sorted(TO.glob("*.png")):
        sys.stdout.write(f"{picture.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
