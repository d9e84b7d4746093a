"""From this machine's seconds to Lambda's: a factor with a range, until a run on Lambda gives it.

A run whose durations were measured on Lambda has the factor 1 for the function that it ran on. A
run on this machine has the factor that a run of the same documents on Lambda gives
(`zeroidle_loadtest.calibration`), and an assumed one without.
"""

from dataclasses import dataclass
from typing import Literal

from zeroidle_loadtest.cost.assumptions import Assumptions, Band
from zeroidle_loadtest.record import RunRecord

Architecture = Literal["arm64", "x86_64"]

FULL_MEMORY_MB = 10240
MB_PER_GB = 1024


@dataclass(frozen=True)
class Function:
    """A Lambda function's size."""

    architecture: Architecture
    memory_mb: int

    @property
    def memory_gb(self) -> float:
        """As Lambda bills it."""
        return self.memory_mb / MB_PER_GB

    def __str__(self) -> str:
        return f"{self.memory_mb:,} MB {self.architecture}"


@dataclass(frozen=True)
class MeasuredFactor:
    """Seconds of a function for one second here, as measured: the range is a 95 % interval."""

    function: Function
    factor: Band
    why: str


@dataclass(frozen=True)
class Projection:
    """How many seconds a function takes for one second of the run."""

    function: Function
    factor: Band
    is_measured: bool
    why: str


def run_function(run: RunRecord) -> Function:
    """The function that the run was against; the template's default where nothing is known.

    A stack on this machine stands for what would be deployed: arm64, whatever this machine is.
    """
    is_x86 = run.target.architecture == "x86_64" and not run.target.is_local
    return Function(
        architecture="x86_64" if is_x86 else "arm64",
        memory_mb=run.target.memory_mb or FULL_MEMORY_MB,
    )


def project(
    run: RunRecord,
    function: Function,
    assumptions: Assumptions,
    measured: MeasuredFactor | None = None,
) -> Projection:
    """Seconds on `function` for a second of the run.

    From this machine, without a run on Lambda: cores here / cores there * (a Lambda core's seconds
    for one of ours), where the environments that may run at once share the cores. From Lambda to
    another size of the same architecture: processors are in proportion to memory.
    """
    if not run.is_projected:
        measured = MeasuredFactor(run_function(run), Band.exactly(1.0), "measured on Lambda")
    if measured is None:
        return _from_this_machine(run, function, assumptions)
    if function == measured.function:
        return Projection(function, measured.factor, is_measured=True, why=measured.why)
    size = measured.function.memory_mb / function.memory_mb
    if function.architecture == measured.function.architecture:
        factor = measured.factor * size
        why = f"from {measured.function}, measured: processors are in proportion to memory"
    else:
        ratio = getattr(assumptions.core_ratio, function.architecture)
        other = getattr(assumptions.core_ratio, measured.function.architecture)
        across = Band(ratio.low / other.high, ratio.mid / other.mid, ratio.high / other.low)
        factor = measured.factor * across * size
        why = f"from {measured.function}, measured: {ratio.why}"
    return Projection(function, factor, is_measured=False, why=why)


def _from_this_machine(run: RunRecord, function: Function, assumptions: Assumptions) -> Projection:
    ratio = getattr(assumptions.core_ratio, function.architecture)
    vcpus = function.memory_mb / assumptions.aws_lambda.mb_per_vcpu
    cores = max(1, run.machine.cpus // (run.target.maximum_concurrency or 1))
    return Projection(
        function,
        ratio.band * (cores / vcpus),
        is_measured=False,
        why=f"{cores} cores for an environment here, {vcpus:.1f} vCPU there. {ratio.why}",
    )
