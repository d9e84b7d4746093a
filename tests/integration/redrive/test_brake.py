"""Poison that fails again: the run stops by itself, names the fingerprint, leaves the rest."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redrive_world import World, make_job

from zeroidle_contract import ErrorCode, Job, fingerprint
from zeroidle_ops.redrive import Pace, State

pytestmark = pytest.mark.emulator


@contextmanager
def consuming(world: World, fails: Callable[[Job], str | None]) -> Iterator[None]:
    """A consumer at work beside the redrive."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            world.consume(fails=fails)
            time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_poison_stops_the_run_within_the_canary(world: World) -> None:
    world.fail([make_job(f"job-{number}") for number in range(60)])
    redrive = world.redrive()
    plan = redrive.plan(reason="we hope")

    with consuming(world, fails=lambda _: "boom"):
        outcome = redrive.apply(plan.plan_id, pace=Pace(canary=5, settle_s=60))

    boom = fingerprint(ErrorCode.INTERNAL, "boom")
    assert outcome.state is State.STOPPED
    assert outcome.fingerprint == boom
    assert boom in outcome.reason
    assert (outcome.sent, outcome.remaining) == (5, 55)


def test_poison_behind_a_good_canary_stops_the_run_within_the_next_window(world: World) -> None:
    world.fail([make_job(f"good-{number}") for number in range(20)])
    time.sleep(0.05)  # the poison is younger, so the canary does not see it
    world.fail([make_job(f"poison-{number}") for number in range(400)])
    redrive = world.redrive()
    plan = redrive.plan(reason="we hope")
    pace = Pace(canary=4, settle_s=60, rate_per_s=80, window_s=1)

    with consuming(world, fails=lambda job: "boom" if job.job_id.startswith("poison") else None):
        outcome = redrive.apply(plan.plan_id, pace=pace)

    assert outcome.state is State.STOPPED
    assert outcome.fingerprint == fingerprint(ErrorCode.INTERNAL, "boom")
    assert outcome.remaining > 200


def test_the_canary_tries_every_cause(world: World) -> None:
    world.fail([make_job(f"a-{number}") for number in range(20)], message="boom")
    world.fail([make_job(f"b-{number}") for number in range(2)], message="bang")
    redrive = world.redrive()
    plan = redrive.plan(reason="one of them is fixed")

    with consuming(world, fails=lambda job: "bang" if job.job_id.startswith("b") else None):
        outcome = redrive.apply(plan.plan_id, pace=Pace(canary=4, settle_s=60))

    assert outcome.state is State.STOPPED
    assert outcome.fingerprint == fingerprint(ErrorCode.INTERNAL, "bang")


def test_a_cause_that_is_gone_empties_the_queue(world: World) -> None:
    world.fail([make_job(f"job-{number}") for number in range(60)])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    pace = Pace(canary=5, settle_s=60, rate_per_s=80, window_s=1)

    with consuming(world, fails=lambda _: None):
        outcome = redrive.apply(plan.plan_id, pace=pace)

    assert outcome.is_complete
    assert outcome.sent == 60
    assert world.depth() == (0, 0)


def test_a_paused_consumer_stops_the_run_at_the_canary(world: World) -> None:
    world.fail([make_job(f"job-{number}") for number in range(20)])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")

    outcome = redrive.apply(plan.plan_id, pace=Pace(canary=5, settle_s=2))

    assert outcome.state is State.STOPPED
    assert "is the consumer paused" in outcome.reason
    assert (outcome.sent, outcome.remaining) == (5, 15)
