"""What a report says of a run: verdict, watermark, floor, pages; and of runs that went wrong."""

import json
import re
from pathlib import Path

import pytest

from recorded_run import record_run
from zeroidle_contract import load_prices
from zeroidle_loadtest import cli
from zeroidle_loadtest.analysis import growth, read_all, read_measured
from zeroidle_loadtest.cost.assumptions import load_assumptions
from zeroidle_loadtest.cost.floor import Inventory, monthly_floor, read_inventory
from zeroidle_loadtest.cost.projection import Function
from zeroidle_loadtest.errors import PricesError, RecordError
from zeroidle_loadtest.record import REQUESTS_FILE
from zeroidle_loadtest.report import writing
from zeroidle_loadtest.report.document import Report, make_report
from zeroidle_loadtest.report.plots import load
from zeroidle_loadtest.report.writing import write_report
from zeroidle_loadtest.sweep import Ledger, Tried, save
from zeroidle_ops.stack.deploy import template

ARM = Function("arm64", 10240)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return record_run(tmp_path / "recorded", per_s=1.0, duration_s=60)


def report_of(folder: Path) -> Report:
    return make_report(read_all(folder), load_prices(), load_assumptions())


def test_a_run_on_this_machine_is_watermarked_on_both_pages(run: Path) -> None:
    written = write_report(run)

    assert "Projected. Durations were measured on" in written.markdown.read_text()
    assert "Projected to Lambda." in written.page.read_text()


def test_a_run_on_lambda_carries_no_watermark(tmp_path: Path) -> None:
    folder = record_run(tmp_path / "run", duration_s=30, is_local=False)
    run = read_measured(folder).run
    on_arm = run.target.model_copy(update={"architecture": "arm64"})
    record_run(folder, duration_s=30, is_local=False, changes={"target": on_arm})

    written = write_report(folder)

    assert written.report.watermark is None
    assert "rojected to Lambda" not in written.page.read_text()


def test_the_page_needs_nothing_but_itself(run: Path) -> None:
    page = write_report(run).page.read_text()

    loaded = re.findall(r'(?:src|srcset)="([^"]*)"|url\(([^)]*)\)|@import', page)
    assert loaded == []
    assert page.count("<svg") == 10  # five plots, each for a laptop and a phone
    assert len(page) < 250_000


def test_no_text_of_a_document_is_needed_or_shown(run: Path) -> None:
    written = write_report(run)

    assert "load-7" not in written.page.read_text()


def test_an_interrupted_run_is_reported_as_far_as_it_went(tmp_path: Path) -> None:
    folder = record_run(
        tmp_path / "cut",
        duration_s=30,
        changes={"interrupted": True, "problems": ("interrupted before its end",)},
    )

    written = write_report(folder)

    assert written.report.state == "invalid"
    assert "<b>Interrupted.</b>" in written.page.read_text()


def test_a_run_where_nothing_succeeded_still_has_a_report(tmp_path: Path) -> None:
    written = write_report(record_run(tmp_path / "failed", duration_s=20, fail_every=1))

    assert written.report.priced.bill.per_thousand_usd is None
    assert "nothing succeeded" in written.markdown.read_text()
    assert "No job succeeded" in written.page.read_text()


def test_a_run_that_wrote_nothing_says_why_its_model_has_no_price(run: Path) -> None:
    lines = [one for one in read_measured(run).requests if one.task == "classify"]
    (run / REQUESTS_FILE).write_text("".join(one.model_dump_json() + "\n" for one in lines))

    written = write_report(run)

    assert "This run wrote no tokens" in written.page.read_text()
    assert [model for model, _ in written.report.claims] == ["8B shape, 16 at once"]


def test_an_empty_run_is_refused_in_a_sentence(run: Path) -> None:
    (run / REQUESTS_FILE).write_text("")

    with pytest.raises(RecordError, match="holds no requests: nothing was sent"):
        write_report(run)


def test_a_folder_of_unrelated_runs_is_refused_with_an_example(tmp_path: Path) -> None:
    record_run(tmp_path / "a", duration_s=20)
    record_run(tmp_path / "b", duration_s=20)

    with pytest.raises(RecordError, match=r"holds 2 runs and no sweep; give one of them"):
        read_all(tmp_path)


def test_a_sweep_is_reported_by_its_fastest_run_that_meets_the_slo(tmp_path: Path) -> None:
    for name, per_s in (("slow", 0.5), ("fast", 1.0), ("too-fast", 6.0)):
        record_run(tmp_path / name, per_s=per_s, duration_s=60, fail_every=0)
    tried = [
        Tried(rate_per_s=1, verdict="met", run_id=name) for name in ("fast", "too-fast", "slow")
    ]
    save(Ledger(question="q", tried=tuple(tried)), tmp_path)

    report = report_of(tmp_path)

    assert [one.run.run_id for one in report.figures] == ["slow", "fast", "too-fast"]
    assert not report.figures[-1].run.meets_slo
    assert report.run.run_id == "fast"
    knee = load.knee_per_s(report.figures)
    assert knee == pytest.approx(report.headline.offered_per_s)


def test_a_run_at_one_rate_shows_no_knee(tmp_path: Path) -> None:
    run = read_measured(record_run(tmp_path / "run", duration_s=20)).run
    steady = run.load.model_copy(update={"arrivals": "poisson"})
    record_run(tmp_path / "run", duration_s=20, changes={"load": steady})

    report = report_of(tmp_path / "run")

    assert load.knee_per_s(report.figures) is None
    assert "one rate alone has no knee" in load.chart(report.figures).summary


def test_missing_prices_are_an_error_that_says_which(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise FileNotFoundError(2, "No such file", "prices.toml")

    monkeypatch.setattr(writing, "load_prices", missing)

    with pytest.raises(PricesError, match=r"prices\.toml cannot be read"):
        write_report(run)


def test_the_sum_of_the_parts_is_the_mean_latency(run: Path) -> None:
    headline = report_of(run).headline
    succeeded = headline.measured.succeeded
    mean_s = sum(one.latency_ms or 0 for one in succeeded) / len(succeeded) / 1000

    assert sum(headline.parts_s.values()) == pytest.approx(mean_s, abs=0.001)


def test_long_documents_are_seen_to_cost_more(run: Path) -> None:
    found = growth(read_measured(run))

    assert found is not None
    assert found.long_tokens > 2 * found.short_tokens
    assert found.ratio.value > 1.5


def test_documents_of_one_length_say_nothing_about_growth(run: Path) -> None:
    measured = read_measured(run)
    alike = [one.model_copy(update={"prompt_tokens": 300}) for one in measured.requests]
    alike = [one.model_copy(update={"cached_tokens": 0}) for one in alike]

    assert growth(type(measured)(run=measured.run, requests=tuple(alike))) is None


def test_the_floor_counts_what_the_template_has() -> None:
    text = template()

    found = read_inventory(text)

    assert found.keys == text.count("Type: AWS::KMS::Key\n")
    assert found.alarms == text.count("Type: AWS::CloudWatch::Alarm\n")
    assert found.dashboards == text.count("Type: AWS::CloudWatch::Dashboard\n") == 1
    assert found.interface_endpoints == text.count("VpcEndpointType: Interface") > 0
    assert found.mappings == 1
    assert found.watch_runs == 730 * 4  # every 15 minutes
    assert found.scaler_runs == 730 * 60


def test_a_month_at_rest_is_what_stands_and_what_runs_on_a_schedule() -> None:
    inventory = Inventory(
        keys=1,
        alarms=4,
        interface_endpoints=1,
        mappings=1,
        dashboards=1,
        watch_runs=2920,
        scaler_runs=43_800,
    )

    floor = monthly_floor(load_prices(), ARM, inventory)

    dollars = {line.name: line.usd.mid for line in (*floor.lines, *floor.options)}
    assert dollars["polling of the empty queue"] == pytest.approx(0.2628)  # 5 every 20 s
    assert dollars["alarms"] == pytest.approx(0.4)
    assert dollars["watch over dead letters: its looks"] == pytest.approx(0.0195, abs=0.0001)
    assert dollars["encryption key of your own"] == pytest.approx(1.0)
    assert dollars["scaler: metrics it reads"] == pytest.approx(3.066)
    assert dollars["private network: interface endpoints"] == pytest.approx(14.6)
    assert dollars["one environment kept warm"] == pytest.approx(87.6, rel=0.001)
    assert floor.total_usd.mid == pytest.approx(0.2628 + 0.5 + 0.4 + 3.0 + 0.3 + 0.0195, abs=0.001)


def test_the_command_writes_both_pages_and_says_the_verdict(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["report", str(run), "--json"])

    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert said["state"] == "met"
    assert said["is_projected"] is True
    assert Path(said["page"]).is_file()
    assert Path(said["markdown"]).is_file()


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"problems": ("generator saturated",)}, 5), ({"slo": ()}, 0)],
)
def test_the_exit_code_is_the_verdict(
    tmp_path: Path, changes: dict[str, object], code: int
) -> None:
    folder = record_run(tmp_path / "run", duration_s=20, changes=changes)

    assert cli.main(["report", str(folder)]) == code


def test_a_breached_objective_is_exit_code_3(tmp_path: Path) -> None:
    folder = record_run(tmp_path / "run", per_s=6.0, duration_s=60)

    assert cli.main(["report", str(folder)]) == 3


def test_no_run_is_an_error_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["report", str(tmp_path / "none")])

    assert code == 1
    assert capsys.readouterr().err.count("\n") == 1
