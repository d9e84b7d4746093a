"""Who computes how many rows in the next step: a pure policy, without tokens or llama.cpp."""

from collections.abc import Sequence
from dataclasses import dataclass

OLDEST_PREFILL_SHARE = 0.25
"""Of the rows left for prompts, what the oldest prompt gets at least: a long document goes on
while shorter ones overtake it."""

MIN_PIECE = 2
"""Rows that a cut leaves on either side."""


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

    Several rows are not cut so that one is computed alone, now or later: decoders round a lone row
    otherwise, and a document's result would depend on what else the step had room for. With a
    budget of less than three rows for each sequence that cannot always be.
    """
    grants = [0] * len(demands)
    decoding = [i for i, demand in enumerate(demands) if not demand.is_prefilling]
    prefilling = [i for i, demand in enumerate(demands) if demand.is_prefilling]
    must = [*decoding, *prefilling[:1]]
    piece = MIN_PIECE if budget >= (MIN_PIECE + 1) * len(must) else 1
    # Any number of rows can be cut within one row more than a piece.
    room = piece + 1 if piece > 1 else 1
    reserved = sum(min(demands[i].rows, room) for i in must)
    left = budget
    for i in decoding:
        reserved -= min(demands[i].rows, room)
        grants[i] = _cut(demands[i].rows, left - reserved, piece)
        left -= grants[i]
    if not prefilling:
        return grants
    oldest = prefilling[0]
    share = min(max(int(left * OLDEST_PREFILL_SHARE), room), left)
    grants[oldest] = _cut(demands[oldest].rows, share, piece)
    left -= grants[oldest]
    for i in sorted(prefilling, key=lambda i: demands[i].rows):
        granted = _cut(demands[i].rows, grants[i] + left, piece)
        left -= granted - grants[i]
        grants[i] = granted
    return grants


def _cut(rows: int, room: int, piece: int) -> int:
    """As many of the rows as there is room for, if neither part is smaller than a piece."""
    if rows <= room:
        return rows
    granted = min(room, rows - piece)
    return granted if granted >= piece else 0
