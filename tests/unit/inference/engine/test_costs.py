"""Speeds learnt from steps."""

import pytest

from zeroidle_inference.engine.costs import SMOOTHING, Rates


def test_the_first_step_is_taken_as_it_is() -> None:
    rates = Rates()

    rates.learn(rows=100, is_prefilling=True, seconds=0.5)
    rates.learn(rows=8, is_prefilling=False, seconds=0.02)

    assert rates.prefill_tokens_per_s == pytest.approx(200)
    # Of one sequence, however many run beside it.
    assert rates.decode_tokens_per_s == pytest.approx(50)


def test_later_steps_move_the_average_a_little() -> None:
    rates = Rates()
    rates.learn(rows=100, is_prefilling=True, seconds=1)

    rates.learn(rows=200, is_prefilling=True, seconds=1)

    assert rates.prefill_tokens_per_s == pytest.approx(100 + SMOOTHING * 100)


def test_a_step_that_no_clock_could_measure_teaches_nothing() -> None:
    rates = Rates()

    rates.learn(rows=1, is_prefilling=False, seconds=0)

    assert rates.decode_tokens_per_s == 0
