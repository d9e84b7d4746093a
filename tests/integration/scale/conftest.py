"""A local stack with a function that needs two seconds for a batch; every test finds it at rest."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zeroidle_ops.scale.controller import Controller
from zeroidle_ops.scale.observer import ServiceTime
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.local_deployment import Settings
from zeroidle_ops.stack.target import Target

FUNCTIONS = Path(__file__).parent / "functions"
INSTALLED = Path(__file__).parents[3] / "build" / "emulator"


@pytest.fixture(scope="session")
def scaled_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    build = tmp_path_factory.mktemp("build")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (build / "emulator").symlink_to(INSTALLED)
    model = build / "none.gguf"
    model.write_bytes(b"GGUF")
    stack = LocalStack(build=build)
    settings = Settings(
        model=model, handler="unhurried.handler", python_path=FUNCTIONS, timeout_s=30
    )
    stack.up(settings, progress=lambda _: None)
    yield stack
    stack.down()


@pytest.fixture
def target(scaled_stack: LocalStack) -> Iterator[Target]:
    with scaled_stack.target() as target:
        yield target
        names = target.stack
        target.sqs.purge_queue(QueueUrl=names.queue_url)
        target.lambda_.update_event_source_mapping(
            UUID=names.event_source_mapping_id,
            Enabled=True,
            ScalingConfig={"MaximumConcurrency": 2},
        )
        target.lambda_.delete_function_concurrency(FunctionName=names.function_name)
        rows = target.dynamodb.scan(TableName=names.ops_table_name)["Items"]
        for row in rows:
            target.dynamodb.delete_item(
                TableName=names.ops_table_name, Key={"pk": row["pk"], "sk": row["sk"]}
            )


@pytest.fixture
def controller(target: Target) -> Callable[..., Controller]:
    """Makes controllers of the stack; `replaced` clients stand for some of its own."""

    def make(
        policy: Policy | None = None, *, operator: str = "alice", **replaced: Any
    ) -> Controller:
        clients: dict[str, Any] = {
            "sqs": target.sqs,
            "dynamodb": target.dynamodb,
            "lambda_": target.lambda_,
            "cloudwatch": target.cloudwatch,
        }
        return Controller(
            stack=target.stack,
            operator=operator,
            policy=policy or Policy(),
            service_time=ServiceTime(seconds=2),
            **(clients | replaced),
        )

    return make
