"""The report's page in a real browser: it draws, it fits, it asks no network, it has no errors."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, find_browser
from recorded_run import record_run
from zeroidle_loadtest.report.writing import write_report

PLOTS = ("load", "parts", "timeline", "occupancy", "crossover")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "recorded"
    return write_report(record_run(folder, per_s=1.0, duration_s=120)).page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        reason = "there is no Chromium: apt install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with Browser(program=program, folder=tmp_path_factory.mktemp("profile")) as running:
        yield running


def test_it_asks_for_nothing_but_itself_and_has_no_errors(browser: Browser, page: Path) -> None:
    browser.look(width=1280, height=800)

    seen = browser.open(page)

    assert seen.requests == [page.as_uri()]
    assert seen.errors == []


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize(("width", "drawing"), [(1280, ".wide"), (390, ".narrow")])
def test_each_plot_is_drawn_for_laptop_and_phone(
    browser: Browser, page: Path, plot: str, width: int, drawing: str
) -> None:
    browser.look(width=width, height=844, phone=width < 640)
    browser.open(page)

    box, marks = browser.run(
        f"(() => {{const svg = document.querySelector('#{plot} {drawing} svg');"
        "const b = svg.getBoundingClientRect();"
        "return [[b.width, b.height], svg.querySelectorAll('.mark, .bar, .line').length]})()"
    )

    assert box[0] > 300
    assert box[1] > 150
    assert marks >= 2


def test_nothing_is_wider_than_a_phone(browser: Browser, page: Path) -> None:
    browser.look(width=390, height=844, phone=True)
    browser.open(page)

    assert browser.run("document.documentElement.scrollWidth") <= 390


def test_verdict_objectives_and_dollars_stand_on_the_first_screen(
    browser: Browser, page: Path
) -> None:
    browser.look(width=1280, height=800)
    browser.open(page)

    bottoms = browser.run(
        "['h1', '.slo', '.tiles'].map(s => "
        "document.querySelector(s).getBoundingClientRect().bottom)"
    )

    assert max(bottoms) <= 800


def test_it_follows_the_readers_choice_of_light_and_dark(browser: Browser, page: Path) -> None:
    colours = []
    for dark in (False, True):
        browser.look(width=1280, height=800, dark=dark)
        browser.open(page)
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))

    assert colours == ["rgb(251, 250, 247)", "rgb(20, 23, 27)"]


def test_a_mark_says_what_it_is_when_pointed_at(browser: Browser, page: Path) -> None:
    browser.look(width=1280, height=800)
    browser.open(page)

    said = browser.run(
        "(() => {const mark = document.querySelector('#parts .wide .bar.p-prefill');"
        "mark.scrollIntoView(); const b = mark.getBoundingClientRect();"
        "mark.dispatchEvent(new PointerEvent('pointermove', {bubbles: true,"
        "clientX: b.x + 1, clientY: b.y + 1}));"
        "return document.getElementById('tip').textContent})()"
    )

    assert "all jobs: prefill" in said
