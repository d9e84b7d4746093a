"""Who computes how many rows in the next step: a pure policy, without tokens or llama.cpp."""

from collections.abc import Sequence
from dataclasses import dataclass

OLDEST_PREFILL_SHARE = 0.25
"""Of the rows left for prompts, what the oldest prompt gets at least: a long document goes on
while shorter ones overtake it."""

PATIENCE_ROWS = 4096
"""Rows of prompts that a sequence past its own waits for in all: as many as a batch mostly has.
That is three seconds for SmolLM2, and minutes for a model of 8B parameters."""

ROWS_TOGETHER = 4
"""llama.cpp's kernels take so many rows together; what is over goes row by row, which is dearer."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one sequence could compute now. Sequences are listed oldest first."""

    rows: int
    is_prefilling: bool
    waited_rows: int = 0
    """Rows of prompts that it has waited for in all."""


def least_budget(sequences: int, piece_rows: int) -> int:
    """Rows of a step in which every sequence past its prompt, and the oldest prompt, can go on."""
    return sequences - 1 + _least_room(piece_rows)


def prompt_piece(rows: int, *, room: int, piece_rows: int) -> int:
    """How many of a prompt's `rows` to compute now: what leaves no short piece, now or later.

    Cut at a whole `ROWS_TOGETHER`, where pieces are so long at all.
    A prompt shorter than `piece_rows` is one piece. With less room than that, none.
    """
    if rows <= room:
        return rows
    piece = min(room, rows - piece_rows)
    if piece < piece_rows:
        return 0
    return max(piece - piece % min(ROWS_TOGETHER, piece_rows), piece_rows)


def _least_room(piece_rows: int) -> int:
    """Room that is enough for a piece of any prompt."""
    return 2 * piece_rows - 1


def schedule(demands: Sequence[Demand], *, budget: int, piece_rows: int = 1) -> list[int]:
    """Rows for each sequence; their sum stays within `budget`.

    A row of an answer costs least beside many others, so sequences past their prompt wait until all
    are, or one of them has waited for `PATIENCE_ROWS`. Then all of them come first. What is left
    goes to prompts, in pieces (`prompt_piece`): a share to the oldest, then the shortest first,
    since a prompt that is done adds rows to all later steps. `budget` is at least
    `least_budget`, so the oldest prompt goes on in every step.
    """
    grants = [0] * len(demands)
    decoding = [i for i, demand in enumerate(demands) if not demand.is_prefilling]
    prefilling = [i for i, demand in enumerate(demands) if demand.is_prefilling]
    if prefilling and all(demands[i].waited_rows < PATIENCE_ROWS for i in decoding):
        decoding = []
    left = budget
    least = min(demands[prefilling[0]].rows, _least_room(piece_rows)) if prefilling else 0
    for position, i in enumerate(decoding, start=1):
        # Leave one row for each that comes after, and a piece for the oldest prompt.
        reserved = len(decoding) - position + least
        grants[i] = min(demands[i].rows, left - reserved)
        left -= grants[i]
    if not prefilling:
        return grants
    oldest = prefilling[0]
    share = max(int(left * OLDEST_PREFILL_SHARE), least)
    grants[oldest] = prompt_piece(demands[oldest].rows, room=share, piece_rows=piece_rows)
    left -= grants[oldest]
    for i in sorted(prefilling, key=lambda i: demands[i].rows):
        left += grants[i]
        grants[i] = prompt_piece(demands[i].rows, room=left, piece_rows=piece_rows)
        left -= grants[i]
    return grants
