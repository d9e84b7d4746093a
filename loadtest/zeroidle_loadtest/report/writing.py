"""Reads a run's folder and writes its two pages."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from zeroidle_contract import Prices, load_prices
from zeroidle_loadtest.analysis import read_all, read_measured
from zeroidle_loadtest.cost.assumptions import load_assumptions
from zeroidle_loadtest.errors import PricesError
from zeroidle_loadtest.report.document import Report, make_report
from zeroidle_loadtest.report.markdown import to_markdown
from zeroidle_loadtest.report.page import to_html

PAGE_FILE = "report.html"
MARKDOWN_FILE = "report.md"


@dataclass(frozen=True)
class Written:
    """A report and where it lies."""

    report: Report
    page: Path
    markdown: Path


def write_report(
    run_dir: Path, *, to: Path | None = None, on_lambda: Path | None = None
) -> Written:
    """Write `report.html` and `report.md` of a run or a sweep, into its own folder or another.

    `on_lambda` is the folder of a run of `measure-aws`, whose durations replace what is assumed of
    Lambda's.

    Raises:
        RecordError: a run's files are missing or damaged, it sent nothing, or `on_lambda` cannot
            stand for its durations.
        PricesError: there are no prices.
    """
    report = make_report(
        read_all(run_dir),
        read_prices(),
        load_assumptions(),
        on_lambda=read_measured(on_lambda) if on_lambda else None,
    )
    folder = to or run_dir
    folder.mkdir(parents=True, exist_ok=True)
    page, markdown = folder / PAGE_FILE, folder / MARKDOWN_FILE
    page.write_text(to_html(report), encoding="utf-8")
    markdown.write_text(to_markdown(report), encoding="utf-8")
    return Written(report=report, page=page, markdown=markdown)


def read_prices() -> Prices:
    """The dated prices.

    Raises:
        PricesError: the file is missing, damaged, or lacks a price.
    """
    try:
        return load_prices()
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PricesError(f"prices.toml cannot be read ({error}); install zeroidle again") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PricesError(f"prices.toml: {where}: {first['msg']}; every price must stand") from None
