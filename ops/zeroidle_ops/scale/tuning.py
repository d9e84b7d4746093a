"""`tune`: the template's parameters from measured service times and what is asked of the stack.

Arithmetic on the profile, nothing else: it knows no stack and changes none. Each setting comes
with its reason, and with the parameter of the template that sets it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zeroidle_contract import Prices
from zeroidle_contract.profile import ANY_TASK, Quantiles, ServiceProfile
from zeroidle_ops.errors import UsageError

TIMEOUTS_S = (30, 60, 120, 180, 300, 600, 900)
"""What the template takes; the queue's visibility is six times this by itself."""
VISIBILITY_IN_TIMEOUTS = 6
TIMEOUT_MARGIN = 1.5
LATENCY_SHARE = 0.5
"""A batch may take up half the target: the rest is for waiting, and for a second try."""
WINDOW_SHARE = 0.1
LARGEST_PLAIN_BATCH = 10
LONGEST_WINDOW_S = 300
LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000
UNRESERVED = 100
"""What AWS wants left in the account when concurrency is reserved."""
WORTHWHILE = 0.02
"""A larger batch must save at least this share of a job's seconds."""


@dataclass(frozen=True)
class Wishes:
    """What is asked: age at the 95th percentile, the peak, the backlog that may come with it."""

    target_s: float
    jobs_per_s: float
    backlog: int = 0
    hourly_budget_usd: float | None = None
    account_limit: int = 1000


@dataclass(frozen=True)
class Setting:
    """One recommendation. `parameter` is None where the template follows by itself."""

    name: str
    value: str
    parameter: str | None
    reason: str


@dataclass(frozen=True)
class Tuning:
    """All settings, what a job costs with them, and what speaks against trusting them."""

    settings: tuple[Setting, ...]
    usd_per_1000_jobs: float
    warnings: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """For the template."""
        return {one.parameter: one.value for one in self.settings if one.parameter is not None}


def tune(
    profiles: Sequence[ServiceProfile], wishes: Wishes, prices: Prices, *, task: str = ANY_TASK
) -> Tuning:
    """The cheapest settings that fit the target, over the memory sizes that were measured.

    Raises:
        ProfileError: a profile does not know the task.
        UsageError: no measured memory and batch fits the target or Lambda's longest timeout.
    """
    choices = [
        choice
        for profile in profiles
        for choice in _choices(profile, task, wishes.target_s, prices)
    ]
    if not choices:
        fastest = min(profile.of(task).invocation_s(1).p95 for profile in profiles)
        raise UsageError(
            f"no measured batch fits: a job alone takes {fastest:.1f} s at the 95th percentile, "
            f"and a batch may take half of the {wishes.target_s:g} s asked for; allow more time, "
            "or measure with more memory or a smaller model"
        )
    best = _cheapest(choices)
    return Tuning(
        settings=(
            _memory(best, profiles),
            _batch_size(best, choices),
            _window(best, wishes),
            *_times(best),
            *_concurrency(best, wishes),
        ),
        usd_per_1000_jobs=1000 * best.usd_per_job,
        warnings=tuple(_warnings(best, profiles, wishes)),
    )


@dataclass(frozen=True)
class _Choice:
    """One memory size with one size of batch."""

    profile: ServiceProfile
    batch_size: int
    seconds: Quantiles
    usd_per_s: float
    timeout_s: int

    @property
    def job_s(self) -> float:
        return self.seconds.p50 / self.batch_size

    @property
    def usd_per_job(self) -> float:
        return self.job_s * self.usd_per_s


def _choices(profile: ServiceProfile, task: str, target_s: float, prices: Prices) -> list[_Choice]:
    """The measured sizes of batch that fit target and timeout."""
    cold_s = profile.cold_start_s.p95 if profile.cold_start_s else 0.0
    gb_second = (
        prices.aws_lambda.arm64_gb_second
        if profile.architecture == "arm64"
        else prices.aws_lambda.x86_64_gb_second
    )
    found = []
    for batch in profile.of(task).batches:
        longest_s = TIMEOUT_MARGIN * (cold_s + batch.seconds.p95)
        timeout_s = next((one for one in TIMEOUTS_S if one >= longest_s), None)
        if timeout_s is not None and batch.seconds.p95 <= LATENCY_SHARE * target_s:
            found.append(
                _Choice(
                    profile=profile,
                    batch_size=batch.batch_size,
                    seconds=batch.seconds,
                    usd_per_s=profile.memory_gb * gb_second,
                    timeout_s=timeout_s,
                )
            )
    return found


def _cheapest(choices: Sequence[_Choice]) -> _Choice:
    """The smallest batch that costs no more than `WORTHWHILE` above the cheapest."""
    least = min(choice.usd_per_job for choice in choices)
    near = [choice for choice in choices if choice.usd_per_job <= least * (1 + WORTHWHILE)]
    return min(near, key=lambda choice: (choice.batch_size, choice.usd_per_job))


def _memory(best: _Choice, profiles: Sequence[ServiceProfile]) -> Setting:
    others = sorted({profile.memory_gb for profile in profiles})
    reason = (
        f"the cheapest for a job of the {len(others)} sizes measured"
        if len(others) > 1
        else "the only size measured; give --profile again with another size to compare"
    )
    return Setting("memory", str(round(best.profile.memory_gb * 1024)), "MemoryMb", reason)


def _batch_size(best: _Choice, choices: Sequence[_Choice]) -> Setting:
    alone = min(choices, key=lambda choice: choice.batch_size)
    return Setting(
        "batch size",
        str(best.batch_size),
        "BatchSize",
        f"{best.job_s:.2f} s for a job, against {alone.job_s:.2f} s in batches of "
        f"{alone.batch_size}; larger batches do not fit the target or save less than "
        f"{WORTHWHILE:.0%}",
    )


def _window(best: _Choice, wishes: Wishes) -> Setting:
    """As long as a batch takes to come in, and no longer than a tenth of the target."""
    needed_s = best.batch_size / wishes.jobs_per_s if wishes.jobs_per_s > 0 else math.inf
    least_s = 1 if best.batch_size > LARGEST_PLAIN_BATCH else 0
    window_s = max(
        least_s, math.floor(min(LONGEST_WINDOW_S, needed_s, WINDOW_SHARE * wishes.target_s))
    )
    reason = (
        f"{wishes.jobs_per_s:g} jobs a second fill a batch within {needed_s:.1f} s; "
        f"waiting may take up a tenth of the target"
    )
    return Setting("batching window", str(window_s), "BatchingWindowSeconds", reason)


def _times(best: _Choice) -> tuple[Setting, Setting]:
    cold = best.profile.cold_start_s
    cold_s = cold.p95 if cold else 0.0
    return (
        Setting(
            "timeout",
            str(best.timeout_s),
            "TimeoutSeconds",
            f"the first that holds {TIMEOUT_MARGIN:g} times a cold start ({cold_s:.1f} s) and a "
            f"batch ({best.seconds.p95:.1f} s), both at the 95th percentile",
        ),
        Setting(
            "visibility",
            str(VISIBILITY_IN_TIMEOUTS * best.timeout_s),
            None,
            "six times the timeout, as Lambda asks; the template sets it with the timeout",
        ),
    )


def _concurrency(best: _Choice, wishes: Wishes) -> tuple[Setting, Setting]:
    rate = wishes.jobs_per_s + wishes.backlog / wishes.target_s
    needed = math.ceil(best.job_s * rate)
    limit = min(MOST_CONCURRENCY, max(LEAST_CONCURRENCY, needed))
    reason = (
        f"{best.job_s:.2f} s for a job x ({wishes.jobs_per_s:g} jobs a second + a backlog of "
        f"{wishes.backlog} within {wishes.target_s:g} s) = {needed}"
    )
    affordable = _affordable(best, wishes)
    if affordable is not None and affordable < limit:
        limit = max(LEAST_CONCURRENCY, affordable)
        reason += f"; the budget pays for {affordable}"
    room = wishes.account_limit - UNRESERVED
    if room < limit:
        limit = max(LEAST_CONCURRENCY, room)
        reason += f"; the account leaves {room}"
    is_reserved = limit <= room
    return (
        Setting("concurrency", str(limit), "MaximumConcurrency", reason),
        Setting(
            "reserved concurrency",
            str(limit) if is_reserved else "0",
            "ReservedConcurrency",
            f"{limit} reserved leave the account {wishes.account_limit - limit} "
            f"of {wishes.account_limit}; {UNRESERVED} must stay unreserved",
        ),
    )


def _affordable(best: _Choice, wishes: Wishes) -> int | None:
    """Environments that may run all hour long."""
    if wishes.hourly_budget_usd is None:
        return None
    return math.floor(wishes.hourly_budget_usd / (3600 * best.usd_per_s))


def _warnings(best: _Choice, profiles: Sequence[ServiceProfile], wishes: Wishes) -> list[str]:
    found = []
    if any(profile.is_projected for profile in profiles):
        found.append("the service times are projected, not measured on Lambda: measure there")
    if best.profile.cold_start_s is None:
        found.append("no cold start was measured: the timeout leaves no room for one")
    affordable = _affordable(best, wishes)
    if affordable is not None and affordable < best.job_s * wishes.jobs_per_s:
        found.append("the budget does not pay for the peak: the backlog grows while it lasts")
    if affordable is not None and affordable < LEAST_CONCURRENCY:
        found.append(
            f"the budget pays for less than {LEAST_CONCURRENCY} environments all hour long, "
            "the least that Lambda takes"
        )
    return found
