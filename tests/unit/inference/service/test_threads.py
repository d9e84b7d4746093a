"""The parts that several threads share, with real threads."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from unit.inference.service.service_fakes import FakeEngine, FakeStore
from unit.inference.service.service_world import World, make_job, make_record, one_wave, request

from zeroidle_contract import Status, SummarizeOutput
from zeroidle_inference.clock import SystemClock
from zeroidle_inference.documents import Documents
from zeroidle_inference.errors import ModelNotReadyError
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.loading import Loading
from zeroidle_inference.pool import Pool
from zeroidle_inference.runner import Runner
from zeroidle_inference.watchdog import Watchdog

LONG_S = 5.0


class SteppingClock(SystemClock):
    """The real clock; the fake engine's steps take real time."""

    def advance_s(self, seconds: float) -> None:
        time.sleep(seconds)


class SlowStore(FakeStore):
    """A table whose claims of some jobs wait for an event, and whose commits take a while."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.may_claim: dict[str, threading.Event] = {}
        self.commit_s = 0.0

    def commit(self, lease: Any, result: Any) -> Any:
        time.sleep(self.commit_s)
        return super().commit(lease, result)

    def claim(self, job: Any, **arguments: Any) -> Any:
        if job.job_id in self.may_claim:
            assert self.may_claim[job.job_id].wait(LONG_S)
        return super().claim(job, **arguments)


class ThreadedWorld(World):
    def __init__(self, executor: ThreadPoolExecutor) -> None:
        super().__init__()
        self.clock: Any = SteppingClock()
        self.store = SlowStore(self.clock)
        self.engine = FakeEngine(self.clock)
        self.engine.step_s = 0.005
        self._executor = executor

    def run_for(self, seconds: float, *records: Any) -> list[str]:
        now_s = self.clock.monotonic_s()
        runner = Runner(
            engine=self.engine,
            store=self.store,
            queue=self.queue,
            documents=Documents(self.claim_check),
            start_task=self.start_task,
            prompt_version="p1",
            max_attempts=3,
            executor=self._executor,
            clock=self.clock,
            rng=random.Random(1),  # noqa: S311 - jitter
            log=self.log,
        )
        return runner.run(
            records,
            Invocation(
                request_id="r",
                deadline_ms=self.clock.now_ms() + round(seconds * 1000),
                started_s=now_s,
                deadline_s=now_s + seconds,
                timeout_s=seconds,
                memory_mb=1024,
            ),
            self.witness(),
        )


@pytest.fixture
def threaded() -> Any:
    with ThreadPoolExecutor(4) as executor:
        yield ThreadedWorld(executor)


def test_the_engine_begins_with_the_first_claim_and_does_not_wait_for_the_others(
    threaded: ThreadedWorld,
) -> None:
    threaded.store.may_claim["slow"] = threading.Event()
    threaded.engine.during_step = threaded.store.may_claim["slow"].set
    kept = threaded.run_for(
        LONG_S, make_record(make_job("slow", "late")), make_record(make_job("fast", "early"))
    )
    assert kept == []
    assert threaded.engine.log[:2] == ["submit early", "step early"]


def test_no_step_of_the_engine_waits_for_the_network(threaded: ThreadedWorld) -> None:
    steps_at_s: list[float] = []
    threaded.engine.during_step = lambda: steps_at_s.append(time.monotonic())
    threaded.engine.steps = 30
    threaded.store.commit_s = 0.3
    jobs = [make_job(f"job-{index}", f"{index}") for index in range(4)]

    def one_after_the_other(task: Any, document: str | None, model: Any) -> Any:
        # The jobs end at different steps, so that commits are under way while others infer.
        for _ in range(1 + int(document or 0)):
            answers = yield [request(document)]
        return SummarizeOutput(summary=answers[0].text)

    threaded.start_task = one_after_the_other
    assert threaded.run_for(LONG_S, *map(make_record, jobs)) == []
    waits_s = [after - before for before, after in pairwise(steps_at_s)]
    assert len(waits_s) >= 4 * 30 - 1
    assert max(waits_s) < threaded.store.commit_s


def test_a_claim_that_comes_when_the_time_is_up_is_given_back(threaded: ThreadedWorld) -> None:
    threaded.store.may_claim["slow"] = threading.Event()
    threading.Timer(0.4, threaded.store.may_claim["slow"].set).start()
    # The margin is 1 s: inference stops after 0.2 s, the claim comes after 0.4 s.
    assert threaded.run_for(1.2, make_record(make_job("slow"))) == ["slow"]
    row = threaded.row("slow")
    assert (row.status, row.attempts) == (Status.QUEUED, 0)


def test_an_abort_that_met_no_step_does_not_hit_the_next_batch(threaded: ThreadedWorld) -> None:
    def start_late(*arguments: Any) -> Any:
        time.sleep(0.4)  # inference stops after 0.2 s
        return one_wave(*arguments)

    threaded.start_task = start_late
    assert threaded.run_for(1.2, make_record(make_job("late"))) == ["late"]
    threaded.start_task = one_wave
    assert threaded.run_for(LONG_S, make_record(make_job("next"))) == []
    assert threaded.engine.log == ["reset", "submit a text", "step a text", "step a text"]


def test_a_stuck_step_is_aborted_in_time(threaded: ThreadedWorld) -> None:
    def stuck() -> None:
        ends_s = time.monotonic() + LONG_S
        while not threaded.engine._is_aborted and time.monotonic() < ends_s:
            time.sleep(0.005)

    threaded.engine.during_step = stuck
    began_s = time.monotonic()
    assert threaded.run_for(1.3, make_record(make_job("a"))) == ["a"]
    assert time.monotonic() - began_s < 1.0
    assert threaded.row("a").status is Status.QUEUED


def test_many_jobs_by_many_threads_end_exactly_once(threaded: ThreadedWorld) -> None:
    records = [make_record(make_job(f"j{index}", f"t{index}")) for index in range(50)]
    assert threaded.run_for(30, *records) == []
    assert {row.commits for row in threaded.store.rows.values()} == {1}
    assert len(threaded.store.rows) == 50


def test_a_drained_pool_has_made_the_calls_that_calls_asked_for(world: World) -> None:
    made: list[int] = []

    def call(left: int) -> None:
        made.append(left)
        if left:
            pool.submit(call, left - 1)

    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor=executor, log=world.log)
        pool.submit(call, 3)
        assert pool.drain(lambda: LONG_S) is True
    assert made == [3, 2, 1, 0]


def test_a_pool_that_has_no_time_left_says_so(world: World) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        pool = Pool(executor=executor, log=world.log)
        pool.submit(lambda: release.wait(LONG_S) and None)
        assert pool.drain(lambda: 0.0) is False
        release.set()


def test_a_call_that_breaks_is_logged_without_its_message(world: World) -> None:
    def call() -> None:
        raise ValueError("secret")

    with ThreadPoolExecutor(1) as executor:
        pool = Pool(executor=executor, log=world.log)
        pool.submit(call)
        pool.drain(lambda: LONG_S)
    [line] = world.lines("call_failed")
    assert line["error"] == "ValueError"
    assert "secret" not in world.log_text()


def test_a_watchdog_that_is_left_in_time_never_fires() -> None:
    fired = threading.Event()
    with Watchdog(fired.set, after_s=LONG_S) as watchdog:
        pass
    assert (watchdog.has_fired(), fired.is_set()) == (False, False)


def test_a_watchdog_fires_when_the_time_is_up() -> None:
    fired = threading.Event()
    with Watchdog(fired.set, after_s=0) as watchdog:
        assert fired.wait(LONG_S)
        assert watchdog.has_fired() is True


def test_a_model_still_loading_is_not_ready_and_the_load_goes_on() -> None:
    may_end = threading.Event()
    loading = Loading(lambda: may_end.wait(LONG_S) and "model")
    with pytest.raises(ModelNotReadyError):
        loading.wait(0.01)
    may_end.set()
    assert loading.wait(LONG_S) == "model"
    assert loading.took_s > 0


def test_a_load_that_times_out_by_itself_is_not_taken_for_one_under_way() -> None:
    def load() -> None:
        raise TimeoutError("the disk")

    with pytest.raises(TimeoutError, match="the disk"):
        Loading(load).wait(LONG_S)
