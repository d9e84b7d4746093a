"""Where Lambda is the cheaper of two: by context against managed APIs, by load against a GPU.

Costs are taken as straight lines over the tokens read (attention adds to ours on long documents),
so two cross at most once.
"""

from dataclasses import dataclass

from zeroidle_loadtest.cost.alternatives import Alternative
from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.cost.token_cost import TaskPrice

CONTEXTS = (250, 500, 1000, 2000, 4000, 8000, 16000, 32000)
TOKENS_OUT = 100


@dataclass(frozen=True)
class Crossover:
    """Lambda beside one alternative. `ratio` is Lambda's price over the other's at 1,000 tokens.

    `cheaper_below` and `cheaper_above` are context lengths; at most one is given. `always` tells
    who is cheaper at every length between the shortest and the longest, when there is none.
    """

    name: str
    ratio: Band
    cheaper_below: float | None
    cheaper_above: float | None

    @property
    def crossing(self) -> str | None:
        """Where the two cross, in the middle of the range."""
        if self.cheaper_below is not None:
            return f"cheaper below {self.cheaper_below:,.0f} tokens"
        if self.cheaper_above is not None:
            return f"cheaper above {self.cheaper_above:,.0f} tokens"
        return None

    @property
    def sentence(self) -> str:
        """What it comes to, for the middle of the range."""
        if self.crossing is not None:
            return f"Lambda is {self.crossing}"
        if self.ratio.low > 1:
            return f"{self.name} is cheaper at every length"
        if self.ratio.high < 1:
            return "Lambda is cheaper at every length"
        leader = "Lambda" if self.ratio.mid < 1 else self.name
        return f"{leader} is cheaper at every length by the middle of the range; it decides nothing"


def crossover(price: TaskPrice, other: Alternative) -> Crossover:
    """Compare at every context length, with `TOKENS_OUT` tokens written."""
    gaps = [
        price.usd(tokens_in=tokens, tokens_out=TOKENS_OUT).mid
        - other.usd(tokens_in=tokens, tokens_out=TOKENS_OUT).mid
        for tokens in (CONTEXTS[0], CONTEXTS[-1])
    ]
    at = None
    if gaps[0] * gaps[1] < 0:
        at = CONTEXTS[0] + (CONTEXTS[-1] - CONTEXTS[0]) * gaps[0] / (gaps[0] - gaps[1])
    ours = price.usd(tokens_in=1000, tokens_out=TOKENS_OUT)
    theirs = other.usd(tokens_in=1000, tokens_out=TOKENS_OUT)
    return Crossover(
        name=other.name,
        ratio=Band(ours.low / theirs.high, ours.mid / theirs.mid, ours.high / theirs.low),
        cheaper_below=at if gaps[0] < 0 else None,
        cheaper_above=at if gaps[0] > 0 else None,
    )


@dataclass(frozen=True)
class BreakEven:
    """Tasks an hour below which Lambda costs less than a GPU instance that is always on."""

    tokens_in: int
    tasks_per_hour: Band


def break_even(price: TaskPrice, hour_usd: float) -> tuple[BreakEven, ...]:
    """By context length, whatever the instance could do in its hour."""
    rows = []
    for tokens in CONTEXTS:
        ours = price.usd(tokens_in=tokens, tokens_out=TOKENS_OUT)
        tasks = Band(hour_usd / ours.high, hour_usd / ours.mid, hour_usd / ours.low)
        rows.append(BreakEven(tokens_in=tokens, tasks_per_hour=tasks))
    return tuple(rows)
