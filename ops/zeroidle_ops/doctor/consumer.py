"""Checks of the function, its alias, and the mapping that feeds it."""

from collections.abc import Iterator, Mapping
from typing import Any

from zeroidle_ops.doctor.finding import Finding
from zeroidle_ops.stack.target import Target

_DEPLOY = "Deploy the template again; it sets this."


def check_mapping(target: Target) -> Iterator[Finding]:
    """Is the queue read, by whom, and with partial batch responses?"""
    stack = target.stack
    mapping = target.lambda_.get_event_source_mapping(UUID=stack.event_source_mapping_id)
    if mapping["State"] not in {"Enabled", "Enabling", "Updating", "Creating"}:
        yield Finding(
            check="mapping-state",
            what=f"the queue's mapping is {mapping['State']}",
            why="Nothing is worked on. Messages expire after the queue's retention.",
            remedy="If nobody paused it on purpose, enable it: docs/runbook/scaling.md.",
        )
    if mapping["FunctionArn"] != stack.alias_arn:
        yield Finding(
            check="mapping-alias",
            what=f"the mapping calls {mapping['FunctionArn']}, not the alias {stack.alias_name}",
            why="Rollback and provisioned concurrency work on the alias alone: the mapping runs "
            "other code than was released, and cold.",
            remedy=_DEPLOY,
        )
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        yield Finding(
            check="partial-batch-response",
            what="the mapping does not ask for partial batch responses",
            why="The function's list of messages to retry is ignored: jobs that must come back "
            "are deleted, and their producers wait for ever.",
            remedy="Set FunctionResponseTypes to ReportBatchItemFailures.",
        )
    others = [
        other["FunctionArn"]
        for other in target.lambda_.list_event_source_mappings(EventSourceArn=stack.queue_arn)[
            "EventSourceMappings"
        ]
        if other["UUID"] != stack.event_source_mapping_id
    ]
    for function in others:
        yield Finding(
            check="second-consumer",
            what=f"another mapping hands the queue's messages to {function}",
            why="Each message goes to one of the two: the other's jobs never reach this function.",
            remedy="Delete that mapping, or give its function a queue of its own.",
        )


def check_concurrency(target: Target) -> Iterator[Finding]:
    """Do the limits fit each other?"""
    reserved = target.lambda_.get_function_concurrency(FunctionName=target.stack.function_name).get(
        "ReservedConcurrentExecutions"
    )
    account = target.lambda_.get_account_settings()["AccountLimit"]
    maxima = _maxima(target)
    if any(maximum is None for maximum in maxima):
        yield Finding(
            check="maximum-concurrency",
            what="a mapping of the function has no MaximumConcurrency",
            why="Lambda grows to 1,250 invocations: dollars without a bound, and throttles.",
            remedy="Set MaximumConcurrency.",
        )
        return
    total = sum(maximum for maximum in maxima if maximum is not None)
    bound = account["UnreservedConcurrentExecutions"] if reserved is None else reserved
    if total > bound:
        of_what = "of the account is left by other functions" if reserved is None else "is reserved"
        yield Finding(
            check="concurrency-sum",
            what=f"the mappings' MaximumConcurrency together is {total}, but only {bound} "
            f"{of_what}",
            why="Batches beyond it are throttled. Each throttled batch spends a receive of every "
            "message in it, without a log line.",
            remedy=f"Lower MaximumConcurrency to {bound} together, or raise the limit.",
        )


def _maxima(target: Target) -> list[int | None]:
    """The MaximumConcurrency of each mapping of the function, by its own name and its alias's.

    AWS does not say whether the name alone lists what is mapped to an alias, so both are asked.
    """
    stack, pages = target.stack, target.lambda_.get_paginator("list_event_source_mappings")
    found = {
        mapping["UUID"]: mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        for name in (stack.function_name, stack.alias_arn)
        for page in pages.paginate(FunctionName=name)
        for mapping in page["EventSourceMappings"]
    }
    return list(found.values())


def check_alias(target: Target) -> Iterator[Finding]:
    """Does the alias serve the newest release, with this stack's names?"""
    stack = target.stack
    alias = target.lambda_.get_alias(FunctionName=stack.function_name, Name=stack.alias_name)
    pages = target.lambda_.get_paginator("list_versions_by_function").paginate(
        FunctionName=stack.function_name
    )
    versions = [version["Version"] for page in pages for version in page["Versions"]]
    newest = max((int(version) for version in versions if version.isdecimal()), default=None)
    serves = alias["FunctionVersion"]
    if newest is not None and serves != str(newest):
        yield Finding(
            check="alias-version",
            what=f"the alias {stack.alias_name} serves version {serves}, the newest is {newest}",
            why="What was deployed last does not run, unless it was rolled back on purpose.",
            remedy="Deploy again, or leave it if it was a rollback.",
        )
    function = target.lambda_.get_function_configuration(
        FunctionName=stack.function_name, Qualifier=stack.alias_name
    )
    yield from _environment(target, function.get("Environment", {}).get("Variables", {}))
    mode = function.get("TracingConfig", {}).get("Mode")
    if mode != "Active":
        yield Finding(
            check="tracing",
            what=f"the function's tracing is {mode or 'off'}",
            why="`zeroidle job` names a trace that nobody recorded.",
            remedy=_DEPLOY,
        )


def _environment(target: Target, variables: Mapping[str, Any]) -> Iterator[Finding]:
    stack = target.stack
    wanted = {
        "ZEROIDLE_JOBS_TABLE": stack.jobs_table_name,
        "ZEROIDLE_BUCKET": stack.bucket_name,
        "ZEROIDLE_QUEUE_URL": stack.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": stack.dead_letter_queue_url,
    }
    for name, value in wanted.items():
        if variables.get(name) != value:
            yield Finding(
                check="function-settings",
                what=f"{name} is {variables.get(name)!r} in the live version, not {value!r}",
                why="The function works on another stack's data, or fails to start.",
                remedy="Deploy the template again; settings changed by hand are lost with the "
                "next version anyway.",
            )
