"""The report as one self-contained HTML file: no request to a network, readable without script."""

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zeroidle_loadtest import analysis
from zeroidle_loadtest.cost.alternatives import gpu, managed_apis
from zeroidle_loadtest.record import PARTS
from zeroidle_loadtest.report import words
from zeroidle_loadtest.report.document import Report
from zeroidle_loadtest.report.plots import crossover, load, occupancy, time_parts, timeline
from zeroidle_loadtest.report.plots.svg import Chart

IDLE_GPU = 0.1
_SHOWN_APIS = ("Nova Micro", "Llama 3.1 8B", "Claude 3 Haiku")


def to_html(report: Report) -> str:
    """The whole page."""
    knee = load.knee_per_s(report.figures)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            run=report.run,
            figures=report.headline,
            bill=report.priced.bill,
            charts=charts(report),
            knee=knee,
            parts=PARTS,
            part_names=time_parts.NAMES,
            words=words,
            style=_asset("page.css"),
            script=_asset("page.js"),
        )
    )


def charts(report: Report) -> tuple[Chart, ...]:
    """All plots, in the order of the page."""
    rows = analysis.by_occupancy(report.headline.measured, report.projection, report.prices)
    return (
        load.chart(report.figures),
        time_parts.chart(report.headline),
        timeline.chart(report.headline),
        occupancy.chart(rows, report.projection),
        crossover.chart(_curves(report), _crossover_summary(report)),
    )


def _curves(report: Report) -> list[crossover.Curve]:
    curves = [
        crossover.Curve(price.cost.name, kind, price, has_band=True)
        for kind, price in zip(("c1", "c2"), reversed(report.task_prices), strict=False)
    ]
    apis = {api.name: api for api in managed_apis(report.prices)}
    for kind, name in zip(("c3", "c4", "c5"), _SHOWN_APIS, strict=True):
        if name in apis:
            curves.append(crossover.Curve(name, kind, apis[name]))
    card = gpu(report.prices, report.assumptions, IDLE_GPU)
    return [*curves, crossover.Curve(card.name, "c6", card)]


def _crossover_summary(report: Report) -> str:
    at = {"tokens_in": 1000, "tokens_out": 100}
    said = ", ".join(
        f"{price.cost.name} on Lambda {words.usd_with_range(price.usd(**at))}"
        for price in reversed(report.task_prices)
    )
    haiku = report.prices.managed["Claude 3 Haiku"].usd(tokens_in=1000, tokens_out=100)
    return f"1,000 tokens in and 100 out: {said}; Claude 3 Haiku {words.usd(haiku)}."


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("zeroidle_loadtest.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> Markup:
    """Our own style and script, as they stand."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - a file of this package
