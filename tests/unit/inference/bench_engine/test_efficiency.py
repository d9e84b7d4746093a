"""The arithmetic of efficiency: what was needed, at what price, and where the rest went."""

from collections.abc import Sequence

import numpy as np
import pytest

from zeroidle_inference.bench.efficiency import (
    Account,
    CountingDecoder,
    RowCosts,
    Stopwatch,
    efficiency,
    measure_costs,
    passes,
)
from zeroidle_inference.engine.decoder import Logits, Row


def rows(*sequences: int) -> list[Row]:
    """One row of each sequence, in this order."""
    return [
        Row(token=1, position=0, sequence=sequence, wants_logits=True) for sequence in sequences
    ]


class SilentDecoder:
    """Computes nothing and answers with one logit a row."""

    vocabulary_size = 1
    sequences = 4
    context_tokens = 64
    max_rows = 256
    max_logit_rows = 256
    piece_rows = 64

    def decode(self, rows: Sequence[Row]) -> Sequence[Logits]:
        return [np.zeros(1, np.float32) for row in rows if row.wants_logits]

    def truncate(self, sequence: int, length: int) -> None:
        pass

    def clear(self) -> None:
        pass

    def save(self, sequence: int) -> bytes:
        return b"state"

    def load(self, sequence: int, state: bytes, *, length: int) -> bool:
        return True

    def move(self, source: int, target: int) -> bool:
        return target < self.sequences

    def abort(self) -> None:
        pass


def test_the_ideal_is_rows_at_the_cheapest_price_and_a_head_for_each_sampled_one() -> None:
    account = Account(decode_s=0.9, rows=100, head_rows=20)
    share = efficiency(account, RowCosts(row_s=0.004, head_s=0.001), seconds=1.0)
    assert share.ideal == pytest.approx(0.42)


def test_the_shares_of_a_run_add_up_to_its_whole_time() -> None:
    account = Account(decode_s=0.7, grammar_s=0.1, cache_s=0.05, prompts_s=0.05, rows=100)
    share = efficiency(account, RowCosts(row_s=0.005, head_s=0.0), seconds=1.0)
    assert share.decoding_above_ideal == pytest.approx(0.2)
    assert share.other == pytest.approx(0.1)
    assert share.ideal + share.decoding_above_ideal + share.grammar + share.cache + (
        share.prompts + share.other
    ) == pytest.approx(1.0)


def test_rows_that_were_dropped_again_were_not_needed() -> None:
    account = Account(decode_s=1.0, rows=100, head_rows=30, dropped_rows=10)
    share = efficiency(account, RowCosts(row_s=0.001, head_s=0.001), seconds=1.0)
    assert share.ideal == pytest.approx(0.09 + 0.02)


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ((3, 2, 1, 0), 1),  # the decoder sorts them
        ((0, 2, 4), 3),  # ids must follow on one another
        ((0, 1, 1, 1), 2),  # one row of each, then the two that sequence 1 has left
        ((0, 0, 1, 2, 2), 3),  # 0 and 2 are no neighbours once 1 is done
        ((0, 1, 1, 1, 1, 2), 3),  # four rows are a piece of a prompt, and 0 and 2 no neighbours
    ],
)
def test_a_step_in_streams_is_split_into_passes_of_neighbouring_equals(
    sequences: tuple[int, ...], expected: int
) -> None:
    assert passes(rows(*sequences), piece_rows=4) == expected


def test_the_counting_decoder_counts_rows_heads_and_rows_computed_in_vain() -> None:
    decoder = CountingDecoder(SilentDecoder())
    step = [Row(1, position, 0, position == 3) for position in range(4)]
    decoder.decode(step)
    decoder.truncate(0, 2)
    decoder.truncate(0, 0)  # the sequence's end is no waste
    account = decoder.account
    assert (account.rows, account.head_rows, account.steps) == (4, 1, 1)
    assert account.dropped_rows == 2


def test_the_counting_decoder_passes_on_what_it_does_not_count() -> None:
    decoder = CountingDecoder(SilentDecoder())
    assert decoder.save(0) == b"state"
    assert decoder.max_rows == 256


def test_a_stopwatch_adds_up_the_time_in_methods_and_changes_no_result() -> None:
    spent: list[float] = []
    watched = Stopwatch("text", spent.append)
    assert watched.upper() == "TEXT"
    assert len(spent) == 2
    assert min(spent) >= 0


def test_probing_prices_rows_behind_a_context() -> None:
    decoder = CountingDecoder(SilentDecoder())
    costs = measure_costs(decoder)
    assert costs.row_s > 0
    assert decoder.account.rows > 300


def test_what_a_moved_sequence_drops_is_counted_where_it_went() -> None:
    decoder = CountingDecoder(SilentDecoder())
    decoder.decode([Row(1, position, 3, wants_logits=False) for position in range(8)])

    assert decoder.move(3, 1)
    decoder.truncate(1, 5)

    assert decoder.account.dropped_rows == 3
    assert decoder.move(2, 0)  # loaded only, never computed
    assert not decoder.move(1, 9)
    decoder.truncate(1, 4)
    assert decoder.account.dropped_rows == 4
