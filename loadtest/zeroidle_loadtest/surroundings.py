"""What a run ran on: the machine, the code, the stack under test. What cannot be read is None."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from zeroidle_contract import Prices, load_prices
from zeroidle_loadtest.record import Machine, TargetRecord
from zeroidle_ops.observe.limits import read_provisioned
from zeroidle_ops.stack.target import Target


def machine() -> Machine:
    """This machine."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpus = os.cpu_count() or 1
    return Machine(
        description=f"{_processor()}, {cpus} CPUs, {gib:.0f} GiB, {platform.system()}",
        architecture=platform.machine(),
        cpus=cpus,
        memory_gib=round(gib, 1),
        python=platform.python_version(),
    )


def commit() -> str:
    """The commit of this checkout, with a plus sign where files differ from it; or `unknown`."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Of what drives the load."""
    return {name: version(name) for name in ("zeroidle-loadtest", "locust", "boto3")}


def prices() -> Prices | None:
    """The dated prices, or None where they cannot be read: a run is worth its time without them."""
    try:
        return load_prices()
    except (OSError, ValueError):
        return None


def describe(target: Target, *, is_local: bool) -> TargetRecord:
    """The stack's settings that decide speed and cost."""
    known: dict[str, int | str | None] = {}
    try:
        function = target.lambda_.get_function_configuration(
            FunctionName=target.stack.function_name, Qualifier=target.stack.alias_name
        )
        mapping = target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)
        warm = read_provisioned(target.lambda_, target.stack).requested
    except (BotoCoreError, ClientError):
        pass  # a producer's credentials may not read this; the load can be driven all the same
    else:
        known = {
            "memory_mb": function.get("MemorySize"),
            "timeout_s": function.get("Timeout"),
            "architecture": next(iter(function.get("Architectures", ())), None),
            "max_attempts": function.get("Environment", {})
            .get("Variables", {})
            .get("ZEROIDLE_MAX_ATTEMPTS"),
            "batch_size": mapping.get("BatchSize"),
            "batching_window_s": mapping.get("MaximumBatchingWindowInSeconds"),
            "maximum_concurrency": mapping.get("ScalingConfig", {}).get("MaximumConcurrency"),
            "provisioned_concurrency": warm,
        }
    return TargetRecord.model_validate(
        {
            "stack": target.stack_name,
            "is_local": is_local,
            "region": target.sqs.meta.region_name,
            **known,
        }
    )


def depths(target: Target) -> dict[str, int | None]:
    """The queues' depths now."""
    visible, in_flight = _depth(target, target.stack.queue_url)
    dead, _ = _depth(target, target.stack.dead_letter_queue_url)
    return {"queue_visible": visible, "queue_in_flight": in_flight, "dead_letters": dead}


def _depth(target: Target, url: str) -> tuple[int | None, int | None]:
    try:
        found = target.sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
    except (BotoCoreError, ClientError):
        return None, None
    return (
        int(found["ApproximateNumberOfMessages"]),
        int(found["ApproximateNumberOfMessagesNotVisible"]),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - the git of the path
        check=True,
        capture_output=True,
        text=True,
    ).stdout
