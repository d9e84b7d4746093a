"""A function that stands for the real one: every batch takes two seconds and succeeds."""

import time
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    time.sleep(2)
    return {"batchItemFailures": []}
