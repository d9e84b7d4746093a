"""A recorded load test as a small simulation gives it: consistent to the millisecond, no emulator.

Poisson arrivals on a rising rate, two environments that take batches of up to ten, each cold once.
Only tests of the reports use it; what it says about speed means nothing.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from zeroidle_loadtest.record import (
    REQUESTS_FILE,
    RUN_FILE,
    Counts,
    Generator,
    Load,
    Machine,
    ModelRecord,
    RequestRecord,
    RunRecord,
    Sample,
    SloCheck,
    TargetRecord,
)

MEMORY_GB = 10
TASKS = (("classify", 110, 250, 0), ("extract", 290, 110, 150), ("summarize", 300, 30, 80))


@dataclass(frozen=True)
class Arrival:
    index: int
    at_ms: float
    lag_ms: float
    publish_ms: float
    task: str
    read: int
    cached: int
    written: int


def record_run(
    folder: Path,
    *,
    per_s: float = 3.0,
    duration_s: float = 120.0,
    seed: int = 1,
    slowness: float = 1.0,
    fail_every: int = 40,
    is_local: bool = True,
    changes: dict[str, Any] | None = None,
) -> Path:
    """Write `run.json` and `requests.jsonl` into the folder, and return it."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    arrivals = _arrivals(rng, per_s, duration_s)
    requests = _serve(rng, arrivals, slowness, fail_every)
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(requests, key=lambda one: one.completed_ms or float("inf"))
    (folder / REQUESTS_FILE).write_text("".join(r.model_dump_json() + "\n" for r in ordered))
    run = _run(folder.name, requests, per_s, duration_s, seed, is_local=is_local)
    run = run.model_copy(update=changes or {})
    (folder / RUN_FILE).write_text(run.model_dump_json(indent=1) + "\n")
    return folder


def _arrivals(rng: random.Random, per_s: float, duration_s: float) -> list[Arrival]:
    arrivals: list[Arrival] = []
    at_s = 0.0
    while True:
        at_s += rng.expovariate(per_s * (0.4 + 1.2 * at_s / duration_s))
        if at_s >= duration_s:
            return arrivals
        task, read, cached, written = rng.choice(TASKS)
        arrivals.append(
            Arrival(
                index=len(arrivals),
                at_ms=round(at_s * 1000, 3),
                lag_ms=round(rng.expovariate(1 / 1.5), 3),
                publish_ms=round(rng.uniform(4, 12), 3),
                task=task,
                read=int(read * rng.choice((0.5, 1, 2, 4))),
                cached=cached,
                written=written,
            )
        )


def _serve(
    rng: random.Random, arrivals: list[Arrival], slowness: float, fail_every: int
) -> list[RequestRecord]:
    environments = [(0.0, index, True) for index in range(2)]
    heapq.heapify(environments)
    waiting, records, batch_number = list(arrivals), [], 0
    while waiting:
        free_ms, environment, cold = heapq.heappop(environments)
        begin_ms = max(free_ms, waiting[0].at_ms + waiting[0].lag_ms + waiting[0].publish_ms + 20)
        ready = [one for one in waiting[:10] if one.at_ms + one.lag_ms + 15 <= begin_ms]
        batch = ready or waiting[:1]
        waiting = waiting[len(batch) :]
        load_ms = 900 if cold else 0
        prefill_ms = slowness * sum(one.read for one in batch) * 1.3
        decode_ms = slowness * max(one.written for one in batch) * (5 + 1.4 * len(batch))
        batch_number += 1
        total_ms = load_ms + prefill_ms + decode_ms
        end_ms = begin_ms + total_ms
        for one in batch:
            own_ms = prefill_ms * one.read / sum(b.read for b in batch) + decode_ms * (
                (one.written or 1) / sum(b.written or 1 for b in batch)
            )
            records.append(
                _request(
                    rng,
                    one,
                    begin_ms,
                    load_ms,
                    prefill_ms,
                    decode_ms if one.written else 0,
                    gb_seconds=MEMORY_GB * (own_ms + load_ms / len(batch)) / 1000,
                    invocation=f"invocation-{batch_number}",
                    batch_size=len(batch),
                    failed=bool(fail_every) and one.index % fail_every == fail_every - 1,
                )
            )
        heapq.heappush(environments, (end_ms + 15, environment, False))
    return records


def _request(
    rng: random.Random,
    one: Arrival,
    begin_ms: float,
    load_ms: float,
    prefill_ms: float,
    decode_ms: float,
    *,
    gb_seconds: float,
    invocation: str,
    batch_size: int,
    failed: bool,
) -> RequestRecord:
    sent_ms = one.at_ms + one.lag_ms
    parts = {
        "queued_ms": round(begin_ms - sent_ms),
        "cold_start_ms": round(load_ms),
        "prefill_ms": round(prefill_ms),
        "decode_ms": round(decode_ms),
        "commit_ms": rng.randint(4, 14),
    }
    common: dict[str, Any] = {
        "job_id": f"load-{one.index}",
        "task": one.task,
        "sample": f"{one.task}-{one.read}",
        "worker": 0,
        "intended_ms": one.at_ms,
        "sent_ms": sent_ms,
        "publish_ms": one.publish_ms,
        "completed_ms": sent_ms + sum(parts.values()) + rng.choice((-0.4, 0.0, 0.4)),
        "prompt_tokens": one.read + one.cached,
        "gb_seconds": gb_seconds,
        "attempts": 2 if one.index % 60 == 7 else 1,
    }
    if failed:
        return RequestRecord(**common, outcome="failed", error_code="output_truncated")
    return RequestRecord(
        **common,
        **parts,
        outcome="succeeded",
        cached_tokens=one.cached,
        forced_tokens=one.written // 4,
        sampled_tokens=one.written - one.written // 4,
        invocation=invocation,
        batch_size=batch_size,
    )


def _run(
    name: str,
    requests: list[RequestRecord],
    per_s: float,
    duration_s: float,
    seed: int,
    *,
    is_local: bool,
) -> RunRecord:
    outcomes = Counter(request.outcome for request in requests)
    ended_ms = max(request.completed_ms or 0 for request in requests) + 500
    latencies = sorted(r.latency_ms or 0 for r in requests if r.outcome == "succeeded")
    p95_s = latencies[int(0.95 * len(latencies))] / 1000 if latencies else float("inf")
    success = outcomes["succeeded"] / len(requests)
    return RunRecord(
        run_id=name,
        started_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
        load_ended_ms=duration_s * 1000,
        ended_ms=ended_ms,
        interrupted=False,
        drained=True,
        is_projected=is_local,
        commit="0123456789ab",
        versions={"zeroidle-loadtest": "0.1.0"},
        machine=Machine(
            description="Intel(R) Xeon(R) Processor, 2 CPUs, 24 GiB, Linux",
            architecture="x86_64",
            cpus=2,
            memory_gib=24,
            python="3.11.2",
        ),
        target=TargetRecord(
            stack="zeroidle-local",
            is_local=is_local,
            memory_mb=10240,
            architecture="x86_64",
            timeout_s=300,
            batch_size=10,
            maximum_concurrency=2,
        ),
        model=ModelRecord(
            name="SmolLM2-135M-Instruct",
            sha256="ab" * 32,
            quantisation="Q4_0",
            prompt_version="1",
        ),
        prices_as_of=date(2026, 11, 1),
        prices_region="us-east-1",
        load=Load(
            name="mixed",
            kind="open",
            arrivals="ramp",
            offered_per_s=len(requests) / duration_s,
            duration_s=duration_s,
            workers=1,
            seed=seed,
            scenario={},
        ),
        counts=Counts(
            scheduled=len(requests),
            submitted=len(requests),
            succeeded=outcomes["succeeded"],
            failed=outcomes["failed"],
            unresolved=outcomes["unresolved"],
        ),
        generator=Generator(
            lag_p50_ms=1.0, lag_p99_ms=6.0, lag_max_ms=9.0, clock_jump_ms=0.0, busy=0.2
        ),
        clock_error_ms=3.0,
        slo=(
            SloCheck(name="success_ratio", limit=0.95, measured=success, is_met=success >= 0.95),
            SloCheck(name="latency_p95_s", limit=20.0, measured=p95_s, is_met=p95_s <= 20.0),
        ),
        samples=_samples(requests, ended_ms),
    )


def _samples(requests: list[RequestRecord], ended_ms: float) -> tuple[Sample, ...]:
    samples = []
    for at_ms in range(0, int(ended_ms), 1000):
        sent = [r for r in requests if r.sent_ms <= at_ms < (r.completed_ms or 0)]
        queued = [r for r in sent if at_ms < r.sent_ms + r.queued_ms]
        working = {r.invocation for r in sent if at_ms >= r.sent_ms + r.queued_ms and r.invocation}
        samples.append(
            Sample(
                at_ms=at_ms,
                queue_visible=len(queued),
                queue_in_flight=len(sent) - len(queued),
                dead_letters=0,
                pending=len(sent),
                concurrency=len(working),
            )
        )
    return tuple(samples)
