"""Ends a run: its figures, whether they may be believed, whether the thresholds are met.

Writes `run.json`, and `profile.json` where anything succeeded.
"""

from collections.abc import Iterator
from datetime import date

from zeroidle_contract import Prices
from zeroidle_loadtest.profiling import profile_of
from zeroidle_loadtest.quantiles import quantile
from zeroidle_loadtest.record import (
    PROFILE_FILE,
    RUN_FILE,
    Counts,
    Generator,
    Load,
    Machine,
    RunRecord,
    TargetRecord,
)
from zeroidle_loadtest.recording import Recording
from zeroidle_loadtest.scenario import Closed, Limits, Scenario
from zeroidle_loadtest.slo import Slo, check
from zeroidle_loadtest.tally import Tally, tally
from zeroidle_loadtest.timeline import Timeline

ROUNDING_MS = 3.0
"""Timings are whole milliseconds, their sum and both ends are rounded on their own."""

DONE, ERROR, PARTIAL, INVALID = 0, 1, 3, 5


def conclude(
    recording: Recording,
    *,
    timeline: Timeline,
    scenario: Scenario,
    scheduled: int | None,
    slo: Slo,
    target: TargetRecord,
    machine: Machine,
    commit: str,
    versions: dict[str, str],
    prices: Prices | None,
) -> RunRecord:
    """Judge the run and write its files. `scheduled` is None for closed clients."""
    total = tally(recording.folder)
    reports = recording.latest.values()
    submitted = total.succeeded + total.failed + total.unresolved
    jump_ms = max((report.clock_jump_ms for report in reports), default=0.0)
    counts = Counts(
        scheduled=recording.taken if scheduled is None else scheduled,
        submitted=recording.taken,
        succeeded=total.succeeded,
        failed=total.failed,
        unresolved=total.unresolved,
    )
    generator = Generator(
        lag_p50_ms=quantile(total.lags_ms, 0.5) if submitted else 0.0,
        lag_p99_ms=quantile(total.lags_ms, 0.99) if submitted else 0.0,
        lag_max_ms=total.lags_ms[-1] if submitted else 0.0,
        clock_jump_ms=jump_ms,
        busy=max((report.busy for report in reports), default=0.0),
        peak_rss_mib=max((report.peak_rss_mib for report in reports), default=0.0),
    )
    interrupted = any(report.is_interrupted for report in reports) or not recording.is_done
    ended_ms = timeline.now_ms()
    load_ends_ms = [report.load_ended_ms for report in reports if report.load_ended_ms is not None]
    as_of: date | None = prices.as_of if prices else None
    record = RunRecord(
        run_id=recording.folder.name,
        started_at=timeline.started_at,
        load_ended_ms=max(load_ends_ms, default=ended_ms),
        ended_ms=ended_ms,
        interrupted=interrupted,
        drained=scenario.follow and total.unresolved == 0,
        is_projected=target.is_local,
        commit=commit,
        versions=versions,
        machine=machine,
        target=target,
        model=recording.model,
        prices_as_of=as_of,
        prices_region=prices.region if prices else None,
        load=_load(scenario, counts.scheduled, recording.shards),
        counts=counts,
        generator=generator,
        clock_error_ms=ROUNDING_MS + jump_ms,
        slo=check(
            slo,
            latencies_ms=total.latencies_ms,
            submitted=submitted,
            cold_starts=total.cold_starts,
            compute_usd=_compute_usd(total, target, prices),
        )
        if scenario.follow
        else (),
        samples=total.with_concurrency(recording.samples),
    )
    problems = tuple(_problems(record, scenario, total, recording.error))
    record = record.model_copy(update={"problems": problems})
    (recording.folder / RUN_FILE).write_text(record.model_dump_json(indent=1) + "\n")
    profile = profile_of(recording.folder, record)
    if profile is not None:
        profile.save(recording.folder / PROFILE_FILE)
    return record


def exit_code(record: RunRecord) -> int:
    """0 done, 3 a threshold is breached, 5 the figures cannot be believed."""
    if not record.is_valid:
        return INVALID
    return DONE if record.meets_slo else PARTIAL


def _problems(
    record: RunRecord, scenario: Scenario, total: Tally, error: str | None
) -> Iterator[str]:
    """Why the run is no valid measurement."""
    if error is not None:
        yield error
    yield from _accounting_problems(record)
    yield from _generator_problems(record, scenario.valid)
    unresolved = record.counts.unresolved
    if scenario.follow and unresolved and not record.interrupted:
        yield (
            f"not drained: {unresolved} requests had not come back {scenario.drain_s:g} s "
            "after the last one was sent"
        )
    if total.widest_gap_ms > record.clock_error_ms:
        yield (
            f"the parts of a latency miss it by {total.widest_gap_ms:.0f} ms (clock error "
            f"{record.clock_error_ms:.0f} ms); the function's clock and this one differ"
        )


def _accounting_problems(record: RunRecord) -> Iterator[str]:
    counts = record.counts
    if record.interrupted:
        yield "interrupted before its end"
    elif counts.submitted < counts.scheduled:
        yield f"schedule missed: {counts.scheduled - counts.submitted} requests were never sent"
    if not counts.closes:
        lost = counts.submitted - counts.succeeded - counts.failed - counts.unresolved
        yield f"the accounting does not close: {lost} requests have no record"
    if counts.submitted == 0:
        yield "nothing was sent"


def _generator_problems(record: RunRecord, limits: Limits) -> Iterator[str]:
    generator = record.generator
    if generator.lag_p99_ms > limits.lag_p99_ms:
        yield (
            f"schedule missed: the generator's own lag was {generator.lag_p99_ms:.0f} ms at p99 "
            f"(limit {limits.lag_p99_ms:g} ms); use more workers or a lower rate"
        )
    if generator.busy > limits.busy:
        yield (
            f"generator saturated: a worker used {generator.busy:.0%} of a CPU "
            f"(limit {limits.busy:.0%}); use more workers"
        )
    if generator.clock_jump_ms > limits.clock_jump_ms:
        yield (
            f"the time of day jumped by {generator.clock_jump_ms:.0f} ms "
            f"(limit {limits.clock_jump_ms:g} ms); check the clock's synchronisation"
        )


def _load(scenario: Scenario, scheduled: int, workers: int) -> Load:
    arrivals = scenario.arrivals
    is_open = scenario.is_open
    return Load(
        name=scenario.name,
        kind="open" if is_open else "closed",
        arrivals=arrivals.kind,
        offered_per_s=scheduled / scenario.duration_s if is_open else None,
        clients=arrivals.clients if isinstance(arrivals, Closed) else None,
        duration_s=scenario.duration_s,
        workers=workers,
        seed=scenario.seed,
        scenario=scenario.model_dump(mode="json", exclude_none=True),
    )


def _compute_usd(total: Tally, target: TargetRecord, prices: Prices | None) -> float | None:
    """On arm64 prices where the stack runs on this machine: what it would be deployed on."""
    if prices is None:
        return None
    is_x86 = target.architecture == "x86_64" and not target.is_local
    lambda_ = prices.aws_lambda
    return total.gb_seconds * (lambda_.x86_64_gb_second if is_x86 else lambda_.arm64_gb_second)
