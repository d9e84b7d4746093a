import pytest
from unit.loadtest.drive_fakes import FakeClock, FakeSystem, driven, scenario

from zeroidle_contract import Job
from zeroidle_loadtest.errors import DeniedError


def test_every_request_that_was_due_has_one_record_and_its_parts_add_up() -> None:
    clock = FakeClock()
    run = driven(scenario(), FakeSystem(clock, service_s=0.35, publish_s=0.01), clock)

    requests = run.run()

    assert sorted(int(one.job_id.rpartition(".")[2]) for one in requests) == list(range(50))
    assert {one.outcome for one in requests} == {"succeeded"}
    assert all(abs(one.clock_gap_ms or 0.0) <= 1 for one in requests)


def test_latency_counts_from_the_intended_time_however_late_the_generator_is() -> None:
    clock = FakeClock()
    # Publishing takes 0.5 s and one sender sends: of 5 a second, half a second's wait together.
    system = FakeSystem(clock, service_s=0.001, publish_s=0.5)
    run = driven(scenario(duration_s=2), system, clock)

    requests = run.run()

    last = max(requests, key=lambda one: one.intended_ms)
    assert last.intended_ms == 1800
    assert last.lag_ms >= 200
    assert last.latency_ms == pytest.approx(last.lag_ms, abs=15)


def test_what_never_comes_back_is_unresolved_at_the_deadline_of_the_drain() -> None:
    clock = FakeClock()
    run = driven(scenario(), FakeSystem(clock, lost=frozenset({"3", "7"})), clock)

    requests = run.run()

    lost = sorted(one.job_id for one in requests if one.outcome == "unresolved")
    assert lost == ["run.3", "run.7"]
    assert run.timeline.now_ms() == pytest.approx((9.8 + 30) * 1000, abs=1000)
    assert run.reports[-1].is_done


def test_a_request_that_sqs_refuses_has_failed_with_its_reason() -> None:
    clock = FakeClock()
    system = FakeSystem(
        clock, refuses=lambda job: "Throttled" if job.job_id.endswith(".2") else None
    )
    run = driven(scenario(duration_s=1), system, clock)

    requests = run.run()

    [refused] = [one for one in requests if one.outcome == "failed"]
    assert (refused.job_id, refused.error_code, refused.error_detail) == (
        "run.2",
        "not_sent",
        "Throttled",
    )


def test_a_denied_send_ends_the_run_and_says_why() -> None:
    clock = FakeClock()

    def deny(job: Job) -> str | None:
        raise DeniedError("AWS refuses to publish (AccessDenied)")

    run = driven(scenario(), FakeSystem(clock, refuses=deny), clock)

    requests = run.run()

    assert [one.error_code for one in requests] == ["not_sent"]
    assert run.reports[-1].error == "AWS refuses to publish (AccessDenied)"


def test_a_stop_takes_a_last_look_and_accounts_for_what_was_sent() -> None:
    clock = FakeClock()
    run = driven(scenario(), FakeSystem(clock, service_s=0.5), clock)
    for _ in range(10):
        run.session.send()

    run.session.stop()
    run.session.follow()

    assert not run.session.send()
    outcomes = [one.outcome for one in run.requests]
    assert (outcomes.count("succeeded"), outcomes.count("unresolved")) == (3, 7)
    assert run.reports[-1].is_interrupted


def test_a_clock_that_jumps_is_reported_and_moves_no_moment() -> None:
    clock = FakeClock()
    run = driven(scenario(), FakeSystem(clock), clock)
    for _ in range(10):
        run.session.send()
    clock.jump_s = 120.0

    requests = run.run()

    assert run.reports[-1].clock_jump_ms == pytest.approx(120_000)
    assert [one.sent_ms for one in sorted(requests, key=lambda one: one.intended_ms)] == [
        pytest.approx(number * 200, abs=1) for number in range(50)
    ]


def test_the_generator_alone_holds_no_request_once_it_is_sent() -> None:
    clock = FakeClock()
    run = driven(scenario(follow=False), FakeSystem(clock), clock)

    requests = run.run()

    assert len(requests) == 50
    assert {report.pending for report in run.reports} == {0}
