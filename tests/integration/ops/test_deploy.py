"""`zeroidle deploy` on the emulator: versions, rollback, live values, refusals; under load."""

import pytest
from botocore.exceptions import ClientError
from deployed_world import Load, World, through_tls

from zeroidle_contract import Status
from zeroidle_ops.errors import DeploymentError, NothingToDeployError
from zeroidle_ops.scale.controller import Controller
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack import change_set, deploy
from zeroidle_ops.stack.deployment import Wanted
from zeroidle_ops.stack.destruction import destroy, held_messages, kept_names
from zeroidle_ops.stack.live import read_live
from zeroidle_ops.stack.local_deployment import correct_emulator

pytestmark = pytest.mark.emulator


def test_two_updates_and_a_rollback_under_load_lose_no_job(world: World) -> None:
    world.create("one")
    with Load(world.target) as load:
        world.apply(**world.code("two"))
        world.apply(**world.code("three"), BatchSize="5")
        serving, before = world.deployment.rollback_target(None)
        world.deployment.rollback(before)

    assert (serving, before) == (3, 2)
    with world.target.producer() as producer:
        results = producer.wait(load.submitted, timeout_s=60)
    assert len(load.submitted) > 20
    assert {result.status for result in results.values()} == {Status.SUCCEEDED}
    assert held_messages(world.target).dead_letter_queue == 0


def test_after_an_update_the_old_code_no_longer_serves_and_after_a_rollback_it_does(
    world: World,
) -> None:
    world.create("one")
    assert world.served_by() == "one"

    world.apply(**world.code("two"))
    assert world.served_by() == "two"

    world.deployment.rollback(world.deployment.rollback_target(None)[1])
    assert world.served_by() == "one"


def test_a_rolled_back_stack_is_not_updated_without_saying_what_is_to_run(world: World) -> None:
    world.create("one")
    two = world.code("two")
    world.apply(**two)
    world.deployment.rollback(1)

    with pytest.raises(DeploymentError, match="version 1 serves, rolled back from 2; say with"):
        world.deployment.prepare(Wanted(parameters={"BatchSize": "7"}))

    world.apply(**two)  # the same code again is another version
    live = read_live(world.target)
    assert live is not None
    assert live.serving_version == 3
    assert world.served_by() == "two"


def test_what_scale_has_set_and_paused_survives_a_new_version(world: World) -> None:
    world.create("one")
    names, target = world.target.stack, world.target
    target.lambda_.put_function_concurrency(
        FunctionName=names.function_name, ReservedConcurrentExecutions=3
    )
    controller = Controller(
        stack=names,
        operator="alice",
        policy=Policy(least=7),
        sqs=target.sqs,
        dynamodb=target.dynamodb,
        lambda_=target.lambda_,
        cloudwatch=target.cloudwatch,
    )
    assert controller.tick().decision.target == 7
    controller.pause(reason="a test")

    world.apply(**world.code("two"), BatchSize="5")

    mapping = target.lambda_.get_event_source_mapping(UUID=names.event_source_mapping_id)
    reserved = target.lambda_.get_function_concurrency(FunctionName=names.function_name)
    live = read_live(target)
    assert live is not None
    assert live.serving_version == 2
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 7}
    assert mapping["BatchSize"] == 5
    assert int(reserved["ReservedConcurrentExecutions"]) == 7
    stack = change_set.describe(world.target.cloudformation, world.target.stack_name)
    assert stack is not None
    told = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    assert told["ReadQueue"] == "false"


def test_a_change_that_is_not_the_functions_makes_no_version(world: World) -> None:
    world.create("one")

    world.apply(AlarmBacklog="5", MaximumConcurrency="3")

    live = read_live(world.target)
    assert live is not None
    assert (live.deployed_version, live.serving_version) == (1, 1)
    assert live.maximum_concurrency == 3


def test_a_plan_changes_nothing(world: World) -> None:
    prepared = world.deployment.prepare(Wanted(parameters=world.code("one")))
    assert prepared.change_set.is_new
    assert "Mapping" in {change.logical_id for change in prepared.change_set.changes}
    world.deployment.discard(prepared)
    assert change_set.describe(world.target.cloudformation, world.target.stack_name) is None

    world.create("one")
    prepared = world.deployment.prepare(Wanted(parameters=world.code("two")))
    assert {"Function", "Version", "Alias"} <= {
        change.logical_id for change in prepared.change_set.changes
    }
    world.deployment.discard(prepared)
    assert world.served_by() == "one"


def test_the_same_again_is_nothing_to_do(world: World) -> None:
    world.create("one")

    with pytest.raises(NothingToDeployError, match="is as asked already"):
        world.deployment.prepare(Wanted())


def test_the_first_deployment_makes_the_repository_no_function_and_refuses_plain_http(
    world: World,
) -> None:
    live = world.deployment.apply(world.deployment.prepare(Wanted()))

    assert live is None
    stack = change_set.describe(world.target.cloudformation, world.target.stack_name)
    assert stack is not None
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert "RepositoryUri" in outputs
    assert "FunctionName" not in outputs
    # Without an emulator's bucket the policies stand, and this machine's HTTP is plain.
    with pytest.raises(ClientError, match="AccessDenied"):
        held_messages(world.target)
    world.target.sqs.meta.events.register("before-sign.*.*", through_tls)
    assert held_messages(world.target).total == 0


def test_who_says_no_does_not_delete_the_stack_that_somebody_else_has_made_meanwhile(
    world: World,
) -> None:
    world.target.sqs.meta.events.register("before-sign.*.*", through_tls)
    ours, theirs = (world.deployment.prepare(Wanted()) for _ in range(2))
    world.deployment.apply(theirs)

    world.deployment.discard(ours)

    stack = change_set.describe(world.target.cloudformation, world.target.stack_name)
    assert stack is not None
    assert stack["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"BatchSize": "10001"}, "BatchSize is '10001', it must be a whole number from 1 to 10000"),
        ({"ReservedConcurrency": "3"}, r"ReservedConcurrency \(3\) is below MaximumConcurrency"),
        ({"BatchSize": "11"}, "needs BatchingWindowSeconds of at least 1"),
    ],
)
def test_a_parameter_out_of_range_is_told_and_leaves_nothing(
    world: World, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(DeploymentError, match=sentence):
        world.deployment.prepare(Wanted(parameters=parameters))

    assert change_set.describe(world.target.cloudformation, world.target.stack_name) is None


def test_a_failed_creation_says_what_failed_and_how_to_go_on(world: World) -> None:
    with pytest.raises(DeploymentError, match=r"is ROLLBACK_COMPLETE: .*999"):
        world.create("one", Network="private", NetworkCidr="999.0.0.0/24")

    with pytest.raises(DeploymentError, match="remove it with `zeroidle deploy destroy`"):
        world.deployment.prepare(Wanted(parameters=world.code("one")))

    destroy(world.target, lose_messages=False, timeout_s=30, tell=lambda _: None)
    world.create("one")
    assert world.served_by() == "one"


def test_a_failed_update_is_taken_back_and_the_old_code_goes_on_serving(world: World) -> None:
    world.create("one")

    with pytest.raises(DeploymentError, match="UPDATE_ROLLBACK_COMPLETE: Function: "):
        world.apply(CodeKey="is-not-there.zip")

    correct_emulator(world.target)
    assert world.served_by() == "one"


def test_a_stack_whose_queue_holds_messages_is_not_destroyed(world: World) -> None:
    world.create("one")
    url = world.target.stack.dead_letter_queue_url
    world.target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    with pytest.raises(DeploymentError, match=r"the dead-letter queue 1; .*--lose-messages"):
        destroy(world.target, lose_messages=False, timeout_s=30, tell=lambda _: None)

    assert world.served_by() == "one"
    tables = world.target.stack.jobs_table_name
    destroy(world.target, lose_messages=True, timeout_s=30, tell=lambda _: None)
    assert change_set.describe(world.target.cloudformation, world.target.stack_name) is None
    assert world.target.dynamodb.describe_table(TableName=tables)["Table"]["TableName"] == tables


def test_no_rollback_beyond_the_first_version(world: World) -> None:
    world.create("one")

    with pytest.raises(DeploymentError, match="version 1 is the first"):
        world.deployment.rollback_target(None)
    with pytest.raises(DeploymentError, match=r"there is no version 9, only \[1\]"):
        world.deployment.rollback_target(9)


def test_a_private_network_and_a_key_deploy_too(world: World) -> None:
    world.create("one", Network="private", EncryptionKey="stack", AlarmEmail="o@example.org")

    assert world.served_by() == "one"
    queue = world.target.sqs.get_queue_attributes(
        QueueUrl=world.target.stack.queue_url, AttributeNames=["KmsMasterKeyId"]
    )["Attributes"]
    assert ":key/" in queue["KmsMasterKeyId"]
    names = world.target.stack
    jobs, ops, bucket, repository, key = kept_names(world.target)
    assert (jobs, ops, bucket) == (names.jobs_table_name, names.ops_table_name, names.bucket_name)
    assert "repository" in repository.lower()
    assert queue["KmsMasterKeyId"].endswith(key)


def test_the_template_that_is_sent_is_the_template() -> None:
    assert deploy.function_of(deploy.compact()) == deploy.function_of(deploy.template())
