"""Quantiles of measured values."""

import math
from collections.abc import Sequence


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value below which this share lies: the nearest rank, so always a value that occurred.

    Raises:
        ValueError: there is no value.
    """
    if not ascending:
        msg = "no values"
        raise ValueError(msg)
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]
