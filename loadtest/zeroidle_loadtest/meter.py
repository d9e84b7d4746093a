"""Watches the load generator itself: its use of the CPU, and the time of day against its clock."""

import resource
import time

from zeroidle_loadtest.timeline import Timeline

WINDOW_MS = 3000.0
"""Shorter bursts (a garbage collection, an import) do not make a generator saturated."""


class Meter:
    """One process's readings. Call `read` several times a second."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._began_ms = timeline.now_ms()
        self._cpu_s = time.process_time()
        self.busy = 0.0
        """The largest share of one CPU in any window."""
        self.clock_jump_ms = 0.0
        """The largest change of the time of day."""

    @property
    def peak_rss_mib(self) -> float:
        """The most memory this process has held."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def read(self) -> None:
        """Take a reading."""
        self.clock_jump_ms = max(self.clock_jump_ms, abs(self._timeline.jump_ms()))
        now_ms, cpu_s = self._timeline.now_ms(), time.process_time()
        if now_ms - self._began_ms >= WINDOW_MS:
            share = (cpu_s - self._cpu_s) * 1000 / (now_ms - self._began_ms)
            self.busy = max(self.busy, share)
            self._began_ms, self._cpu_s = now_ms, cpu_s
