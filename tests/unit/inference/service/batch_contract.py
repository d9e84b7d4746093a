"""Answers a batch response as AWS does: the local emulator takes malformed ones for success."""

import json
from typing import Any


def deleted_by_lambda(response: Any, received: list[str]) -> list[str]:
    """The messages that Lambda deletes after this response to these records.

    Full success: an empty or null response, an empty or null list. Full failure, nothing deleted:
    not JSON, a missing list under another key, an empty or null `itemIdentifier`, an unknown id.
    (AWS Lambda developer guide, "Reporting batch item failures for Lambda functions with SQS".)
    """
    try:
        answer = json.loads(json.dumps(response))
    except (TypeError, ValueError):
        return []
    if answer is None or answer == {}:
        return received
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return []
    failures = answer["batchItemFailures"]
    if not failures:
        return received if failures is None or failures == [] else []
    kept = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not identifier or identifier not in received:
            return []
        kept.add(identifier)
    return [message_id for message_id in received if message_id not in kept]
