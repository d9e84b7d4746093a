"""The seed article's claims beside our figures, with a verdict for each.

Its table is for a task of 1,000 tokens in and 100 out. A claim holds when our range is narrow and
has the claimed figure in it; a range too wide to tell decides nothing.
"""

from dataclasses import dataclass
from typing import Literal

from zeroidle_contract import Prices
from zeroidle_loadtest.cost.alternatives import gpu
from zeroidle_loadtest.cost.assumptions import Assumptions, Band
from zeroidle_loadtest.cost.token_cost import TaskPrice
from zeroidle_loadtest.intervals import Interval

TOKENS_IN, TOKENS_OUT = 1000, 100
SEED_API_USD = 0.000375
SEED_LAMBDA_USD = 0.0034
SEED_GPU_USD = 0.0012
SEED_INFERENCE_S = 15.0
SEED_COLD_START_S = (10.0, 30.0)
TOLERANCE = 1.1
WIDEST = 2.5
"""A range this many times as high as low still decides something."""

Verdict = Literal["holds", "does not hold", "not decided"]


@dataclass(frozen=True)
class Claim:
    """What the article says, what was found, and what follows."""

    claim: str
    seed: str
    ours: str
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Growth:
    """Compute of long documents over that of short ones, as measured."""

    short_tokens: float
    long_tokens: float
    ratio: Interval


def judge(claimed_low: float, claimed_high: float, ours: Band) -> Verdict:
    """Whether a claimed figure (or range) is borne out by our range."""
    if ours.low > claimed_high * TOLERANCE or ours.high < claimed_low / TOLERANCE:
        return "does not hold"
    return "holds" if ours.high <= ours.low * WIDEST else "not decided"


def seed_claims(
    price: TaskPrice,
    prices: Prices,
    assumptions: Assumptions,
    *,
    cold_start_s: Band | None,
    growth: Growth | None,
) -> tuple[Claim, ...]:
    """Judge every claim for one model. `growth` is None where all documents were alike."""
    at = {"tokens_in": TOKENS_IN, "tokens_out": TOKENS_OUT}
    api = prices.managed["Claude 3 Haiku"].usd(**at)
    ours = price.usd(**at)
    seconds = price.factor * price.cost.seconds(**at)
    card = gpu(prices, assumptions, 1.0).usd(**at)
    share = Band(card.low / SEED_GPU_USD, card.mid / SEED_GPU_USD, card.high / SEED_GPU_USD)
    return (
        Claim(
            "a managed API costs $0.000375 a task",
            _usd(SEED_API_USD),
            _usd(api),
            judge(SEED_API_USD, SEED_API_USD, Band.exactly(api)),
            f"list price of Claude 3 Haiku, {prices.as_of}",
        ),
        Claim(
            "serverless CPU costs $0.0034 a task",
            _usd(SEED_LAMBDA_USD),
            _range(ours),
            judge(SEED_LAMBDA_USD, SEED_LAMBDA_USD, ours),
            f"{price.cost.name}: {price.cost.why}; without cold starts",
        ),
        Claim(
            "inference takes about 15 s",
            f"{SEED_INFERENCE_S:.0f} s",
            _seconds(seconds),
            judge(SEED_INFERENCE_S, SEED_INFERENCE_S, seconds),
            "a job's share of a full batch; alone it takes longer",
        ),
        Claim(
            "a cold start takes 10 to 30 s",
            "10–30 s",
            "none was measured" if cold_start_s is None else _seconds(cold_start_s),
            "not decided" if cold_start_s is None else judge(*SEED_COLD_START_S, cold_start_s),
            "the wait for the model; on Lambda the image is loaded lazily, which adds to it",
        ),
        Claim(
            "a GPU costs $0.0012 a task",
            _usd(SEED_GPU_USD),
            f"{_usd(SEED_GPU_USD)} at {share.low:.0%}–{share.high:.0%} busy",
            "holds" if share.high < 1 else "not decided",
            "true at that utilisation of a g5.xlarge and no other: it is idle hours over tasks",
        ),
        Claim(
            "a managed API is the cheapest a task",
            "yes",
            f"Lambda costs {ours.low / api:,.1f}–{ours.high / api:,.1f} times as much",
            "holds" if ours.low > api else "does not hold" if ours.high < api else "not decided",
            "beside Claude 3 Haiku, if this model's answers are good enough for the task",
        ),
        _judge_growth(growth),
    )


def _judge_growth(growth: Growth | None) -> Claim:
    claim = "Lambda's cost stays fixed as context grows"
    if growth is None:
        why = "needs a run of this model with short and long documents"
        return Claim(claim, "fixed", "not measured", "not decided", why)
    verdict: Verdict = "not decided"
    if growth.ratio.low is not None and growth.ratio.high is not None:
        if growth.ratio.low > TOLERANCE:
            verdict = "does not hold"
        elif growth.ratio.high < TOLERANCE:
            verdict = "holds"
    bounds = ""
    if growth.ratio.low is not None and growth.ratio.high is not None:
        bounds = f" ({growth.ratio.low:.1f}–{growth.ratio.high:.1f})"
    return Claim(
        claim,
        "fixed",
        f"×{growth.ratio.value:.1f}{bounds} from {growth.short_tokens:,.0f} to "
        f"{growth.long_tokens:,.0f} tokens read",
        verdict,
        "compute of the longest third of the documents over that of the shortest third",
    )


def _usd(value: float) -> str:
    return f"${value:.6f}".rstrip("0")


def _range(band: Band) -> str:
    return f"${band.mid:.2g} (${band.low:.2g} to ${band.high:.2g})"


def _seconds(band: Band) -> str:
    if band.is_exact:
        return f"{band.mid:.1f} s"
    return f"{band.mid:.1f} s ({band.low:.1f} to {band.high:.1f})"
