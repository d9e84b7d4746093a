"""Reviews and their sentiment, all written for this project.

The test reviews are one or two sentences; those for development, from which the shipped
calibration is made, are as short or up to seventy words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from zeroidle_inference.calibrate import Labelled

Mix = Literal["balanced", "skewed"]
SKEW = 4
"""Positive reviews for each negative one."""


@dataclass(frozen=True)
class _Pool:
    positive: Sequence[Labelled]
    negative: Sequence[Labelled]


def reviews(mix: Mix, count: int) -> list[Labelled]:
    """Test reviews, at most `count`: as many of each label, or four fifths positive."""
    pool = _pool()
    negative = min(count // 2 if mix == "balanced" else count // (SKEW + 1), len(pool.negative))
    positive = negative if mix == "balanced" else negative * SKEW
    return [*pool.positive[:positive], *pool.negative[:negative]]


def _pool() -> _Pool:
    lines = (resources.files(__package__) / "data" / "reviews_test.jsonl").read_bytes().splitlines()
    every = [Labelled.model_validate_json(line) for line in lines]
    return _Pool(
        [review for review in every if review.label == "positive"],
        [review for review in every if review.label == "negative"],
    )
