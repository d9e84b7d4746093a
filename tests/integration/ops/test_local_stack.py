"""The template on the emulator: it deploys, works, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zeroidle_contract import Classify, Document, Job, Status
from zeroidle_ops.errors import LocalStackError, NotRunningError
from zeroidle_ops.stack.local import LocalStack, LocalState, local_stack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def living_processes(group: int) -> list[str]:
    """The processes of a group, but for the dead that nobody has reaped yet.

    In brackets stand those that are just ending: their memory, and so their command line, is gone.
    """
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    fields = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [
        args
        for pgid, state, args in fields
        if int(pgid) == group and state[0] != "Z" and not args.startswith("[")
    ]


def submit_and_wait(target: Target, job_id: str) -> Status:
    job = Job(job_id=job_id, task=Classify(labels=("a", "b")), document=Document(text="a document"))
    with target.producer() as producer:
        producer.submit(job)
        return producer.wait([job_id], timeout_s=30)[job_id].status


def test_a_message_is_processed_by_the_function_through_its_alias(target: Target) -> None:
    assert submit_and_wait(target, "one") == Status.SUCCEEDED

    mapping = target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)
    assert mapping["FunctionArn"] == target.stack.alias_arn
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


def test_the_function_runs_with_its_roles_permissions_only(
    target: Target, running: LocalStack
) -> None:
    submit_and_wait(target, "permissions")

    assert "scan: AccessDeniedException" in (running.logs / "function.log").read_text()


def test_the_function_is_told_what_it_needs(target: Target, model: Path) -> None:
    function = target.lambda_.get_function_configuration(FunctionName=target.stack.function_name)

    assert function["Environment"]["Variables"] == {
        "ZEROIDLE_MODEL_PATH": str(model),
        "ZEROIDLE_JOBS_TABLE": target.stack.jobs_table_name,
        "ZEROIDLE_BUCKET": target.stack.bucket_name,
        "ZEROIDLE_QUEUE_URL": target.stack.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": target.stack.dead_letter_queue_url,
        "ZEROIDLE_THREADS": str(Settings().threads),
        "ZEROIDLE_CONTEXT_TOKENS": "2048",
        "ZEROIDLE_MAX_SEQUENCES": "16",
        "ZEROIDLE_MAX_ATTEMPTS": "3",
    }


def test_the_queue_hides_messages_for_six_timeouts(target: Target, settings: Settings) -> None:
    attributes = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.queue_url, AttributeNames=["All"]
    )["Attributes"]

    assert int(attributes["VisibilityTimeout"]) == 6 * settings.timeout_s


def test_starting_twice_starts_once(running: LocalStack, settings: Settings) -> None:
    before = running.status()

    assert running.up(settings, progress=quiet) is False
    assert running.status() == before


def test_other_settings_are_refused_while_it_runs(running: LocalStack, model: Path) -> None:
    with pytest.raises(LocalStackError, match="a local stack with other settings is running"):
        running.up(Settings(model=model, timeout_s=60), progress=quiet)


def test_a_block_uses_what_runs_and_leaves_it_running(
    running: LocalStack, build: Path, settings: Settings
) -> None:
    with local_stack(settings, build=build):
        pass

    assert running.status().emulator.is_healthy()


def test_nothing_is_left_when_a_block_ends_with_an_error(build: Path, settings: Settings) -> None:
    stack = LocalStack(build=build, name="failing")
    states: list[LocalState] = []

    def fail() -> None:
        with local_stack(settings, build=build, name="failing") as target:
            states.append(stack.status())
            submit_and_wait(target, "one")  # so that a function's process runs, too
            assert any("awslambdaric" in args for args in living_processes(states[0].pid))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    [state] = states
    assert not is_open(state.port)
    assert living_processes(state.pid) == []
    with pytest.raises(NotRunningError, match="no local stack runs"):
        stack.status()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_process_is_told_to_end(
    build: Path, settings: Settings, number: signal.Signals
) -> None:
    program = f"""
import time
from pathlib import Path
from zeroidle_ops.stack.local import local_stack
from zeroidle_ops.stack.local_deployment import Settings

with local_stack(Settings(model=Path({str(settings.model)!r})), build=Path({str(build)!r}),
                 name="told"):
    print("up", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        state = LocalStack(build=build, name="told").status()
        process.send_signal(number)
        process.wait(20)

    assert not is_open(state.port)
    assert living_processes(state.pid) == []


def test_a_dead_emulator_is_told_with_its_log(build: Path, settings: Settings) -> None:
    stack = LocalStack(build=build, name="dead")
    stack.up(settings, progress=quiet)
    state = stack.status()
    os.killpg(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)

    with pytest.raises(NotRunningError, match=r"stopped by itself; see .*emulator\.log"):
        stack.target()

    assert stack.up(settings, progress=quiet) is True
    assert stack.down() is True


def test_a_hung_emulator_is_told(build: Path, settings: Settings) -> None:
    stack = LocalStack(build=build, name="hung")
    stack.up(settings, progress=quiet)
    pid = stack.status().pid
    os.kill(pid, signal.SIGSTOP)

    began_s = time.monotonic()
    with pytest.raises(NotRunningError, match="does not answer; run `zeroidle local down`"):
        stack.target()

    assert time.monotonic() - began_s < 5
    assert stack.down() is True
    assert living_processes(pid) == []
