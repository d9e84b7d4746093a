"""Kill -9 at random calls of an apply: resumed by a colleague, nothing is lost or done twice.

`ZEROIDLE_KILL_SEEDS=50` runs all seeds (`make kill-redrive`); the default is a few.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from faults.checker import History, Letter, Verdict, Version, check
from faults.population import Kind, Planned
from redrive_world import World, make_job

from emulator import Emulator
from zeroidle_contract import ErrorCode, Job, JobRow, Status, decode, encode

pytestmark = pytest.mark.emulator

MESSAGES = 500
SEEDS = int(os.environ.get("ZEROIDLE_KILL_SEEDS", "2"))
CALLS = 190
"""Calls of an undisturbed apply of so many messages."""

PROGRAM = Path(__file__).with_name("killed_apply.py")


def apply(emulator: Emulator, world: World, plan_id: str, **how: Any) -> int:
    """The exit code: -9 when it was killed."""
    given = {"url": emulator.url, "stack": world.stack.model_dump(), "plan_id": plan_id, **how}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, -9} or "NothingToDoError" in done.stderr, done.stderr
    return done.returncode


def judge(world: World, jobs: list[Job]) -> Verdict:
    """What the checker of the delivery guarantees says of rows, queue and dead letters."""
    before = Version(status=Status.FAILED, fence=1, attempts=1, commits=1, result=None)
    rows = world.rows(jobs)
    dead = [decode(m["Body"]).job_id for m in world.receive(world.stack.dead_letter_queue_url)]
    return check(
        History(
            planned={
                job.job_id: Planned(job.job_id, Kind.CURABLE, encode(job), job) for job in jobs
            },
            acknowledged=frozenset(job.job_id for job in jobs),
            cancelled=frozenset(),
            versions={job.job_id: [before, _version(rows[job.key])] for job in jobs},
            queue=Counter(decode(message["Body"]).job_id for message in world.receive()),
            letters=[Letter(name, ErrorCode.INTERNAL) for name in dead],
            steps=Counter(),
        )
    )


def _version(row: JobRow) -> Version:
    return Version(
        status=row.status,
        fence=row.fence,
        attempts=row.attempts,
        commits=row.commits,
        result="done" if row.status is Status.SUCCEEDED else None,
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_killed_apply_is_finished_by_a_colleague(
    emulator: Emulator, world: World, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - a repeatable test
    jobs = [make_job(f"job-{number}") for number in range(MESSAGES)]
    world.fail(jobs)
    plan = world.redrive().plan(reason="fixed")
    runs = Counter[str]()

    for operator in ["alice", "bob"][: rng.randint(1, 2)]:
        kill_at, after = rng.randint(1, CALLS), rng.random() < 0.5
        apply(emulator, world, plan.plan_id, operator=operator, kill_at=kill_at, after=after)
        if rng.random() < 0.5:
            runs += world.consume()  # the consumer is quick: repeats meet finished jobs
        time.sleep(1.1)  # the dead holder's lock runs out
    code = apply(emulator, world, plan.plan_id, operator="carol", kill_at=0, after=False)

    runs += world.consume()
    assert code in {0, 1}
    assert judge(world, jobs).problems == ()
    assert runs == Counter(job.job_id for job in jobs), "each ran once"
    assert world.depth() == (0, 0)
    assert set(world.archived_job_ids(plan.plan_id)) == {job.job_id for job in jobs}
    status = world.redrive().status(plan.plan_id)
    assert (status.sent + status.dropped, status.remaining) == (MESSAGES, 0)
    assert status.unfinished_chunks == 0
