"""How near a run came to the arithmetic it could not avoid, and where the rest of its time went.

The engine is not changed: what it calls is wrapped, and the wrappers keep the time. The ideal is
the rows that had to be computed at the cheapest price any row was measured at, in the same process
and minute, plus the output head for each row that was sampled.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from zeroidle_inference.engine.decoder import Decoder, Logits, Row

PROBE_CONTEXT = 300
PROBE_ROWS = (64, 128, 256)
"""How many rows a piece of a prompt has, from the least to what a step takes."""
PROBE_ROUNDS = 3


@dataclass(frozen=True)
class RowCosts:
    """The cheapest measured price of a row, and of the output head for one."""

    row_s: float
    head_s: float


@dataclass
class Account:
    """What a run did and where its time went. `dropped_rows` (drafts refused) were in vain."""

    decode_s: float = 0.0
    cache_s: float = 0.0
    grammar_s: float = 0.0
    prompts_s: float = 0.0
    rows: int = 0
    head_rows: int = 0
    dropped_rows: int = 0
    steps: int = 0
    passes: int = 0
    step_widths: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Efficiency:
    """Shares of a run's time: `ideal` is the efficiency, the others say where the rest went."""

    ideal: float
    decoding_above_ideal: float
    grammar: float
    cache: float
    prompts: float
    other: float


def efficiency(account: Account, costs: RowCosts, seconds: float) -> Efficiency:
    """Split a run's time.

    `decoding_above_ideal` is narrow steps, several passes in a step, and dropped rows.
    """
    ideal_s = (account.rows - account.dropped_rows) * costs.row_s
    ideal_s += (account.head_rows - account.dropped_rows) * costs.head_s
    named = account.decode_s + account.grammar_s + account.cache_s + account.prompts_s
    return Efficiency(
        ideal=ideal_s / seconds,
        decoding_above_ideal=(account.decode_s - ideal_s) / seconds,
        grammar=account.grammar_s / seconds,
        cache=account.cache_s / seconds,
        prompts=account.prompts_s / seconds,
        other=(seconds - named) / seconds,
    )


class CountingDecoder:
    """A decoder that keeps the account of its calls. Whatever else it is asked, it passes on."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._lengths: dict[int, int] = {}
        self.account = Account()
        self.save = timed(decoder.save, self._add_cache)
        self.load = timed(decoder.load, self._add_cache)
        self._truncate = timed(decoder.truncate, self._add_cache)
        self._move = timed(decoder.move, self._add_cache)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for the decoder's own
        return getattr(self._decoder, name)

    def decode(self, rows: Sequence[Row]) -> Sequence[Logits]:
        """See `Decoder`."""
        started_s = time.perf_counter()
        logits = self._decoder.decode(rows)
        account = self.account
        account.decode_s += time.perf_counter() - started_s
        account.rows += len(rows)
        account.head_rows += len(logits)
        self._lengths.update((row.sequence, row.position + 1) for row in rows)
        account.steps += 1
        account.passes += passes(rows, self._decoder.piece_rows)
        account.step_widths[len(rows)] = account.step_widths.get(len(rows), 0) + 1
        return logits

    def truncate(self, sequence: int, length: int) -> None:
        """See `Decoder`. To drop a part is to have computed it in vain; all, a sequence's end."""
        if length:
            self.account.dropped_rows += self._lengths[sequence] - length
            self._lengths[sequence] = length
        self._truncate(sequence, length)

    def move(self, source: int, target: int) -> bool:
        """See `Decoder`."""
        is_moved = bool(self._move(source, target))
        # A sequence that was only loaded has none.
        if is_moved and source in self._lengths:
            self._lengths[target] = self._lengths.pop(source)
        return is_moved

    def _add_cache(self, seconds: float) -> None:
        self.account.cache_s += seconds


class Stopwatch:
    """Stands for an object and adds up the time spent in its methods and properties."""

    def __init__(self, target: Any, add: Callable[[float], None]) -> None:  # noqa: ANN401
        self._target = target
        self._add = add

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        started_s = time.perf_counter()
        value = getattr(self._target, name)
        self._add(time.perf_counter() - started_s)
        return timed(value, self._add) if callable(value) else value


def timed(call: Callable[..., Any], add: Callable[[float], None]) -> Callable[..., Any]:
    """The same function, its time added up."""

    def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        started_s = time.perf_counter()
        result = call(*arguments, **named)
        add(time.perf_counter() - started_s)
        return result

    return wrapped


def passes(rows: Sequence[Row], piece_rows: int) -> int:
    """Passes that a step in streams takes: one for each piece of a prompt, and those of the rest.

    Of the rest a pass takes equally many rows of sequences whose ids follow on one another
    (`llama_batch_allocr::split_equal`).
    """
    all_rows = Counter(row.sequence for row in sorted(rows, key=lambda row: row.sequence))
    left = {sequence: count for sequence, count in all_rows.items() if count < piece_rows}
    count = len(all_rows) - len(left)
    while left:
        group: list[int] = []
        for sequence in left:
            if not group or sequence == group[-1] + 1:
                group.append(sequence)
        taken = min(left[sequence] for sequence in group)
        left = {
            sequence: rest
            for sequence, had in left.items()
            if (rest := had - taken * (sequence in group))
        }
        count += 1
    return count


def measure_costs(decoder: Decoder) -> RowCosts:
    """Prices on an idle decoder: pieces of a prompt behind 300 cells, and the output head."""
    _compute(decoder, 0, PROBE_CONTEXT, logits=False)
    prices = [_price(decoder, rows) for rows in PROBE_ROWS if rows <= decoder.max_rows]
    head_s = _head_price(decoder, PROBE_ROWS[0])
    decoder.truncate(0, 0)
    return RowCosts(row_s=min(prices), head_s=head_s)


def _price(decoder: Decoder, rows: int) -> float:
    """Seconds a row, the median of a few."""
    return median(_took_s(decoder, rows, logits=False) for _ in range(PROBE_ROUNDS)) / rows


def _head_price(decoder: Decoder, rows: int) -> float:
    """Seconds that a row's logits add: with and without by turns, for the machine drifts."""
    added_s = [
        _took_s(decoder, rows, logits=True) - _took_s(decoder, rows, logits=False)
        for _ in range(PROBE_ROUNDS)
    ]
    return max(median(added_s), 0.0) / rows


def _took_s(decoder: Decoder, rows: int, *, logits: bool) -> float:
    started_s = time.perf_counter()
    _compute(decoder, PROBE_CONTEXT, rows, logits=logits)
    took_s = time.perf_counter() - started_s
    decoder.truncate(0, PROBE_CONTEXT)
    return took_s


def _compute(decoder: Decoder, start: int, count: int, *, logits: bool) -> None:
    rows = [Row(1000 + i % 97, start + i, 0, logits) for i in range(count)]
    for first in range(0, len(rows), decoder.max_rows):
        decoder.decode(rows[first : first + decoder.max_rows])
