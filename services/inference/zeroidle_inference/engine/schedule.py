"""Who computes how many rows in the next step: a pure policy, without tokens or llama.cpp."""

from collections.abc import Sequence
from dataclasses import dataclass

OLDEST_PREFILL_SHARE = 0.25
"""Of the rows left for prompts, what the oldest prompt gets at least: a long document goes on
while shorter ones overtake it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one sequence could compute now. Sequences are listed oldest first."""

    rows: int
    is_prefilling: bool


def schedule(demands: Sequence[Demand], *, budget: int) -> list[int]:
    """Rows for each sequence; their sum stays within `budget`.

    Sequences past their prompt come first: their rows are few, and each delays an answer. What is
    left goes to prompts: a share to the oldest, then the shortest first, since a prompt that is
    done adds rows to all later steps. `budget` is at least the number of sequences, so all those
    past their prompt go on in every step, and so does the oldest prompt.
    """
    grants = [0] * len(demands)
    decoding = [i for i, demand in enumerate(demands) if not demand.is_prefilling]
    prefilling = [i for i, demand in enumerate(demands) if demand.is_prefilling]
    left = budget
    for position, i in enumerate(decoding, start=1):
        # Leave one row for each that comes after, and one for the oldest prompt.
        reserved = len(decoding) - position + bool(prefilling)
        grants[i] = min(demands[i].rows, left - reserved)
        left -= grants[i]
    if not prefilling:
        return grants
    oldest = prefilling[0]
    grants[oldest] = min(demands[oldest].rows, max(int(left * OLDEST_PREFILL_SHARE), 1), left)
    left -= grants[oldest]
    for i in sorted(prefilling, key=lambda i: demands[i].rows):
        more = min(demands[i].rows - grants[i], left)
        grants[i] += more
        left -= more
    return grants
