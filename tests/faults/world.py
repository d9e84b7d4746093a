"""The world of the harness: the template's own timings, and an emulator on simulated time."""

from pathlib import Path

from cfnlint.decode import decode_str  # type: ignore[import-untyped] # it ships no types
from faults.environment import Timings
from faults.simulated_clock import SimulatedClock

from emulator import Emulator
from zeroidle_ops.stack.deploy import template


def template_timings() -> Timings:
    """The timeout and visibility that ship."""
    decoded, _ = decode_str(template())
    timeout = decoded["Parameters"]["TimeoutSeconds"]["Default"]
    return Timings(
        timeout_s=int(timeout),
        visibility_s=decoded["Mappings"]["VisibilityByTimeout"][timeout]["Seconds"],
        max_receives=decoded["Resources"]["Queue"]["Properties"]["RedrivePolicy"][
            "maxReceiveCount"
        ],
    )


class SimulatedEmulator(Emulator):
    """An emulator whose clock is the file `clock` in `folder`."""

    def __init__(self, *, folder: Path) -> None:
        super().__init__(folder=folder / "emulator")
        self._clock = folder / "clock"
        SimulatedClock.create(self._clock)

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "SIMULATED_CLOCK": str(self._clock),
            "PYTHONPATH": str(Path(__file__).parent / "emulator_clock"),
        }
