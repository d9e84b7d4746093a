"""What a run used, in the units that AWS bills: counted from its requests, or assumed with a range.

Calls per job follow from the code of producer and function. Knows no prices.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zeroidle_contract import INLINE_LIMIT_BYTES
from zeroidle_loadtest.cost.assumptions import Assumptions, Band
from zeroidle_loadtest.cost.projection import Projection, run_function
from zeroidle_loadtest.record import RequestRecord, RunRecord

Basis = Literal["measured", "counted", "projected", "assumed"]

SQS_UNIT_BYTES = 64 * 1024
"""A request of SQS is billed for each 64 KB of its messages."""
ENVELOPE_BYTES = 1024
"""A message beside its document: task, ids, attributes."""
WRITES_PER_JOB = 3
"""Recorded as queued, claimed, committed."""
NOT_SENT = "not_sent"
BYTES_PER_GB = 1e9


@dataclass(frozen=True)
class Quantity:
    """How much of something was used, and how that is known."""

    amount: Band
    basis: Basis
    why: str


@dataclass(frozen=True)
class Usage:
    """All of a run's billed quantities, for one function size.

    `gb_seconds` holds the waits for the model; `init_gb_seconds` the part of init before them.
    `wasted_gb_seconds` are in `gb_seconds`' price too: work that no committed result came from.
    `provisioned_share` of the compute ran on environments that were kept warm, which
    `provisioned_gb_seconds` were paid for.
    """

    jobs: int
    succeeded: int
    invocations: int
    cold_starts: int
    gb_seconds: Quantity
    init_gb_seconds: Quantity
    wasted_gb_seconds: Quantity
    cold_gb_seconds: Quantity
    provisioned_share: float
    provisioned_gb_seconds: Quantity
    lambda_requests: Quantity
    sqs_requests: Quantity
    writes: Quantity
    reads: Quantity
    puts: Quantity
    gets: Quantity
    log_gb: Quantity
    traces: Quantity


def count_usage(
    run: RunRecord,
    requests: Sequence[RequestRecord],
    projection: Projection,
    assumptions: Assumptions,
) -> Usage:
    """Count what the requests used, on the function that `projection` is for."""
    sent = [request for request in requests if request.error_code != NOT_SENT]
    succeeded = sum(request.outcome == "succeeded" for request in sent)
    invocations = count_invocations(sent)
    cold = len({r.invocation or r.job_id for r in sent if r.cold_start_ms > 0})
    seconds = sum(request.gb_seconds for request in sent) / run_function(run).memory_gb
    retried = extra_attempts(sent)
    per_gb_second = projection.factor * projection.function.memory_gb
    basis: Basis = "measured" if projection.is_measured else "projected"
    writes = len(sent) * WRITES_PER_JOB + retried
    through_s3 = [one for one in sent if one.document_bytes > INLINE_LIMIT_BYTES]
    return Usage(
        jobs=len(sent),
        succeeded=succeeded,
        invocations=invocations,
        cold_starts=cold,
        gb_seconds=Quantity(
            per_gb_second * (seconds + wasted_s(sent, run)),
            basis,
            "the jobs' shares of their invocations (gb_seconds in requests.jsonl)",
        ),
        init_gb_seconds=Quantity(
            assumptions.init_s.band * (cold * projection.function.memory_gb),
            "assumed",
            f"{cold} new environments; {assumptions.init_s.why}",
        ),
        wasted_gb_seconds=Quantity(
            per_gb_second * (wasted_s(sent, run) + _fruitless_s(sent, run)),
            basis,
            f"{retried} attempts begun in vain, each as long as its job's last one; and jobs that "
            "did not succeed",
        ),
        cold_gb_seconds=Quantity(
            per_gb_second * _cold_s(sent),
            basis,
            "waits for the model, once for each invocation that waited",
        ),
        provisioned_share=provisioned_share(run),
        provisioned_gb_seconds=_provisioned(run, projection.function.memory_gb),
        lambda_requests=_counted(invocations + retried, "distinct invocations, and retries"),
        sqs_requests=_counted(
            sends(sent) + receives(sent) + invocations * 2 + retried,
            "a send for each job and a receive for each batch, more where they exceed 64 KB; a "
            "change of visibility and a delete for each batch",
        ),
        writes=Quantity(
            assumptions.row_kb.band * writes,
            "assumed",
            f"{WRITES_PER_JOB} writes for a job, one for a retry, "
            f"times the row's KB: {assumptions.row_kb.why}",
        ),
        reads=Quantity(
            assumptions.reads_per_job.band * len(sent), "assumed", assumptions.reads_per_job.why
        ),
        puts=_counted(
            len(through_s3), f"documents above {INLINE_LIMIT_BYTES // 1024} KB, put once"
        ),
        gets=_counted(
            sum(max(1, request.attempts) for request in through_s3),
            "the same, got once for each attempt",
        ),
        log_gb=Quantity(
            assumptions.log_bytes_per_job.band * (len(sent) / BYTES_PER_GB),
            "assumed",
            assumptions.log_bytes_per_job.why,
        ),
        traces=Quantity(
            assumptions.trace_share.band * len(sent), "assumed", assumptions.trace_share.why
        ),
    )


def count_invocations(requests: Sequence[RequestRecord]) -> int:
    """Invocations that committed something, and one for each job that none is known of."""
    known = {request.invocation for request in requests if request.invocation is not None}
    return len(known) + sum(r.invocation is None and r.attempts > 0 for r in requests)


def sends(requests: Sequence[RequestRecord]) -> int:
    """Billed requests of sending each message on its own."""
    return sum(_units(message_bytes(request)) for request in requests)


def receives(requests: Sequence[RequestRecord]) -> int:
    """Billed requests of receiving them, as batches."""
    batches: dict[str, int] = defaultdict(int)
    for request in requests:
        if request.attempts:
            batches[request.invocation or request.job_id] += message_bytes(request)
    return sum(_units(size) for size in batches.values())


def message_bytes(request: RequestRecord) -> int:
    """Of a job's message: a long document travels through S3 instead."""
    inline = request.document_bytes <= INLINE_LIMIT_BYTES
    return ENVELOPE_BYTES + (request.document_bytes if inline else 0)


def _units(size_bytes: int) -> int:
    return -(-size_bytes // SQS_UNIT_BYTES)


def provisioned_share(run: RunRecord) -> float:
    """How much of the compute ran on environments that were kept warm: Lambda uses them first."""
    warm = run.target.provisioned_concurrency or 0
    if not warm:
        return 0.0
    busy = [sample.concurrency for sample in run.samples]
    total = sum(busy)
    return sum(min(count, warm) for count in busy) / total if total else 1.0


def _provisioned(run: RunRecord, memory_gb: float) -> Quantity:
    warm = run.target.provisioned_concurrency
    seconds = run.ended_ms / 1000
    if warm is None:
        return Quantity(
            Band.exactly(0.0), "assumed", "the setting could not be read: taken as none"
        )
    why = (
        f"{warm} environments kept warm for the run's {seconds:,.0f} s" if warm else "none was set"
    )
    return _counted(warm * memory_gb * seconds, why)


def extra_attempts(requests: Sequence[RequestRecord]) -> int:
    """Attempts after which the job had to begin again."""
    return sum(max(0, request.attempts - 1) for request in requests)


def wasted_s(requests: Sequence[RequestRecord], run: RunRecord) -> float:
    """Seconds of the attempts that were begun again: the row keeps only the last one's."""
    again = sum(max(0, request.attempts - 1) * request.gb_seconds for request in requests)
    return again / run_function(run).memory_gb


def _fruitless_s(requests: Sequence[RequestRecord], run: RunRecord) -> float:
    seconds = sum(r.gb_seconds for r in requests if r.outcome != "succeeded")
    return seconds / run_function(run).memory_gb


def _cold_s(requests: Sequence[RequestRecord]) -> float:
    waits: dict[str, float] = {}
    for request in requests:
        key = request.invocation or request.job_id
        waits[key] = max(waits.get(key, 0.0), request.cold_start_ms / 1000)
    return sum(waits.values())


def _counted(amount: float, why: str) -> Quantity:
    return Quantity(Band.exactly(amount), "counted", why)
