"""What goes wrong in a scenario, and when. Pure questions; the answers act elsewhere."""

import random
from collections.abc import Iterable, Iterator

from zeroidle_ops.scale.simulation.queue import Job
from zeroidle_ops.scale.simulation.scenario import Scenario


class Faults:
    """The storms and slow spells of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._storms = scenario.storms
        self._slowness = scenario.slowness

    def jobs(self, times_s: Iterable[float], rng: random.Random) -> Iterator[Job]:
        """The jobs sent at those times; some of a storm's are poison."""
        if not self._storms:
            yield from map(Job, times_s)
            return
        for sent_s in times_s:
            yield Job(sent_s, self._storm_of(sent_s, rng))

    def _storm_of(self, sent_s: float, rng: random.Random) -> int:
        for number, storm in enumerate(self._storms):
            if storm.from_s <= sent_s < storm.until_s and rng.random() < storm.share:
                return number
        return -1

    def is_refused(self, job: Job, now_s: float) -> bool:
        """Whether a poisonous job is recognised before it costs anything."""
        return job.storm >= 0 and now_s >= self._storms[job.storm].mended_at_s

    def slowdown(self, now_s: float, concurrency: int) -> float:
        """By what an invocation's time is multiplied that starts now, with so many under way."""
        knees = [spell.knee for spell in self._slowness if spell.from_s <= now_s < spell.until_s]
        return max([1.0, *(concurrency / knee for knee in knees)])
