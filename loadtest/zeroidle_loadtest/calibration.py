"""From a run here and one of the same documents on Lambda: seconds there for one second here.

Jobs are compared with their like: of the same sample, in batches about as full. So a run that is
slower because its batches were emptier does not pass for a slower function. Replaces the assumed
factor of `cost.projection`.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from zeroidle_loadtest.analysis import Measured
from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.cost.projection import MeasuredFactor, run_function
from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.intervals import FEWEST, Values, difference, ratio
from zeroidle_loadtest.record import RequestRecord, RunRecord

_FULLNESS = (1, 2, 3, 4, 6, 8)
"""The smallest batch of each class that counts as about as full."""

_Kind = tuple[str, int]


def calibrate(here: Measured, there: Measured) -> MeasuredFactor:
    """The factor, with its 95 % interval.

    Raises:
        RecordError: the second run is not one on Lambda, is no valid measurement, ran another
            model, or has too few jobs that the first has too.
    """
    _check(here.run, there.run)
    ours, theirs = _warm(here), _warm(there)
    alike = Counter(kind for kind, _ in ours).keys() & Counter(kind for kind, _ in theirs).keys()
    ours = [one for one in ours if one[0] in alike]
    theirs = [one for one in theirs if one[0] in alike]
    if min(len(ours), len(theirs)) < FEWEST:
        raise RecordError(
            f"{there.run.run_id} and {here.run.run_id} have too few warm jobs of the same samples "
            f"in batches about as full ({len(theirs)} and {len(ours)}, {FEWEST} are needed): "
            "measure the same scenario with more --requests, at a --rate that fills batches alike"
        )
    found = difference(_weighted(ours, ours), _weighted(theirs, ours), _log_ratio)
    low, high = (found.value if bound is None else bound for bound in (found.low, found.high))
    factor = Band(float(np.exp(low)), float(np.exp(found.value)), float(np.exp(high)))
    function = run_function(there.run)
    return MeasuredFactor(
        function,
        factor,
        f"{len(theirs)} jobs of run {there.run.run_id} on {function}, beside {len(ours)} of the "
        "same samples in batches about as full here; warm ones",
    )


def _check(here: RunRecord, there: RunRecord) -> None:
    if there.is_projected:
        raise RecordError(
            f"{there.run_id} was not measured on Lambda; give the folder that "
            "`zeroidle-load measure-aws` wrote"
        )
    if not there.is_valid:
        raise RecordError(
            f"{there.run_id} is no valid measurement ({'; '.join(there.problems)}); measure again"
        )
    if here.model is None or there.model is None or here.model.sha256 != there.model.sha256:
        names = [run.model.name if run.model else "none" for run in (here, there)]
        raise RecordError(
            f"{there.run_id} ran another model ({names[1]}) than {here.run_id} ({names[0]}); "
            "their durations cannot be compared"
        )


def _warm(measured: Measured) -> list[tuple[_Kind, float]]:
    """Each warm job's kind, and its seconds of an environment."""
    memory_gb = run_function(measured.run).memory_gb
    return [
        (_kind(request), request.gb_seconds / memory_gb)
        for request in measured.succeeded
        if request.gb_seconds and not request.cold_start_ms
    ]


def _kind(request: RequestRecord) -> _Kind:
    size = request.batch_size or 1
    return request.sample, max(least for least in _FULLNESS if least <= size)


def _weighted(jobs: Sequence[tuple[_Kind, float]], like: Sequence[tuple[_Kind, float]]) -> Values:
    """Pairs of weighted seconds and weight, by which each kind counts as often as in `like`."""
    wanted, given = Counter(kind for kind, _ in like), Counter(kind for kind, _ in jobs)
    weighted = [(wanted[kind] / given[kind], seconds) for kind, seconds in jobs]
    return np.asarray([(weight * seconds, weight) for weight, seconds in weighted], np.float64)


def _log_ratio(rows: Values) -> Values:
    """The difference of two logarithms is the logarithm of the ratio."""
    return np.asarray(np.log(ratio(rows)))
