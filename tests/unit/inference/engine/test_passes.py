"""Which rows llama.cpp computes together, told by its own law (`split_equal`)."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from zeroidle_inference.engine.decoder import Row
from zeroidle_inference.engine.llama import passes


def split_equal(rows: list[Row]) -> list[dict[int, int]]:
    """Rows of each stream in each pass."""
    left = Counter(row.sequence for row in rows)
    order = [row.sequence for row in rows]
    result: list[dict[int, int]] = []
    while left:
        taken: list[int] = []
        for sequence in order:
            if sequence in left and (not taken or sequence == taken[-1] + 1):
                taken.append(sequence)
        count = min(left[sequence] for sequence in taken)
        result.append(dict.fromkeys(taken, count))
        left -= Counter(result[-1])
    return result


def step(counts: dict[int, int]) -> list[Row]:
    return [
        Row(0, position, sequence, wants_logits=False)
        for sequence, count in counts.items()
        for position in range(count)
    ]


counts = st.dictionaries(st.integers(0, 15), st.integers(1, 4), min_size=1)


@given(counts)
def test_no_sequence_is_cut_by_a_shorter_one(counts: dict[int, int]) -> None:
    rows = step(counts)

    for taken in split_equal([rows[i] for i in passes(rows)]):
        assert taken.items() <= counts.items()


@given(counts)
def test_rows_of_a_sequence_stay_in_order_and_none_is_lost(counts: dict[int, int]) -> None:
    rows = step(counts)
    ordered = [rows[i] for i in passes(rows)]

    assert sorted(ordered) == sorted(rows)
    for sequence, count in counts.items():
        assert [row.position for row in ordered if row.sequence == sequence] == list(range(count))


def test_neighbours_with_equally_many_rows_share_a_pass() -> None:
    rows = step({3: 1, 1: 1, 2: 1, 0: 5, 4: 5})

    taken = split_equal([rows[i] for i in passes(rows)])

    assert taken == [{4: 5}, {1: 1, 2: 1, 3: 1}, {0: 5}]
