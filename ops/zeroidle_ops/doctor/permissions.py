"""Checks what the function's role may do, by asking IAM to evaluate its policies."""

from collections.abc import Iterator, Sequence

from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target


def check_role(target: Target) -> Iterator[Finding]:
    """All that the function needs, and not the queue's or tables' removal."""
    stack = target.stack
    function = target.lambda_.get_function_configuration(
        FunctionName=stack.function_name, Qualifier=stack.alias_name
    )
    table = target.dynamodb.describe_table(TableName=stack.jobs_table_name)["Table"]["TableArn"]
    # An ARN's partition (aws, aws-cn, …) is the same all over a stack.
    bucket = f"arn:{stack.queue_arn.split(':')[1]}:s3:::{stack.bucket_name}"
    needs: tuple[tuple[str, Sequence[str]], ...] = (
        (
            stack.queue_arn,
            (
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
            ),
        ),
        (stack.dead_letter_queue_arn, ("sqs:SendMessage",)),
        (table, ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        (f"{bucket}/tenants/any", ("s3:GetObject", "s3:PutObject")),
    )
    for resource, actions in needs:
        answer = target.iam.simulate_principal_policy(
            PolicySourceArn=function["Role"],
            ActionNames=list(actions),
            ResourceArns=[resource],
        )
        denied = [
            result["EvalActionName"]
            for result in answer["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        ]
        if denied:
            yield Finding(
                check="role",
                what=f"the function's role may not {', '.join(denied)} on {resource}",
                why="Jobs come back again and again, or end as dependency_down.",
                remedy="Deploy the template again; somebody changed the role by hand.",
            )
