"""The service-time profile of a run: from its requests, grouped by the invocation they shared.

An invocation's seconds are the GB-seconds of its jobs divided by the function's memory: jobs share
all of it, so their shares add up to it. Invocations that waited for the model are left out of the
batches and make up `cold_start_s`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zeroidle_contract import ServiceProfile
from zeroidle_contract.profile import ANY_TASK, BatchSeconds, Quantiles, TaskProfile
from zeroidle_loadtest.quantiles import quantile
from zeroidle_loadtest.record import RequestRecord, RunRecord, read_requests

MB_PER_GB = 1024


@dataclass
class _Invocation:
    jobs: int = 0
    gb_seconds: float = 0.0
    cold_start_ms: int = 0
    tasks: set[str] = field(default_factory=set)


@dataclass
class _Tokens:
    jobs: int = 0
    prompt: int = 0
    cached: int = 0
    output: int = 0

    def add(self, request: RequestRecord) -> None:
        self.jobs += 1
        self.prompt += request.prompt_tokens
        self.cached += request.cached_tokens
        self.output += request.output_tokens


def profile_of(folder: Path, run: RunRecord) -> ServiceProfile | None:
    """The profile; None where nothing was measured, or the function's memory is unknown."""
    if run.target.memory_mb is None or run.model is None:
        return None
    memory_gb = run.target.memory_mb / MB_PER_GB
    invocations: dict[str, _Invocation] = defaultdict(_Invocation)
    tokens: dict[str, _Tokens] = defaultdict(_Tokens)
    for request in read_requests(folder):
        if request.outcome != "succeeded" or request.invocation is None:
            continue
        seen = invocations[request.invocation]
        seen.jobs += 1
        seen.gb_seconds += request.gb_seconds
        seen.cold_start_ms = max(seen.cold_start_ms, request.cold_start_ms)
        seen.tasks.add(request.task)
        for task in (ANY_TASK, request.task):
            tokens[task].add(request)
    profiles = [
        profile
        for task, used in sorted(tokens.items())
        if (profile := _task(task, used, invocations.values(), memory_gb)) is not None
    ]
    if not profiles:
        return None
    cold_s = sorted(one.cold_start_ms / 1000 for one in invocations.values() if one.cold_start_ms)
    return ServiceProfile.model_validate(
        {
            "measured_at": run.started_at,
            "machine": run.machine.description if run.target.is_local else "AWS Lambda",
            "architecture": run.target.architecture,
            "memory_gb": memory_gb,
            "model": run.model.name,
            "model_sha256": run.model.sha256,
            "is_projected": run.is_projected,
            "cold_start_s": _quantiles(cold_s).model_dump() if cold_s else None,
            "cold_starts": len(cold_s),
            "tasks": [profile.model_dump() for profile in profiles],
        }
    )


def _task(
    task: str, tokens: _Tokens, invocations: Iterable[_Invocation], memory_gb: float
) -> TaskProfile | None:
    seconds: dict[int, list[float]] = defaultdict(list)
    for one in invocations:
        if one.cold_start_ms == 0 and (task == ANY_TASK or one.tasks == {task}):
            seconds[one.jobs].append(one.gb_seconds / memory_gb)
    if not seconds:
        return None
    return TaskProfile(
        task=task,
        jobs=tokens.jobs,
        batches=tuple(
            BatchSeconds(
                batch_size=size, invocations=len(took_s), seconds=_quantiles(sorted(took_s))
            )
            for size, took_s in sorted(seconds.items())
        ),
        tokens_in=tokens.prompt / tokens.jobs,
        cached_tokens_in=tokens.cached / tokens.jobs,
        tokens_out=tokens.output / tokens.jobs,
    )


def _quantiles(ascending: Sequence[float]) -> Quantiles:
    return Quantiles(p50=quantile(ascending, 0.5), p95=quantile(ascending, 0.95))
