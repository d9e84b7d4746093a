"""What a task is: a generator that yields requests for the model and returns the job's output.

    completions = yield [requests]

One wave of requests at a time; the runner answers a wave when all of it is done. So map-reduce
summarising and plain classifying are written the same straight way, without threads.
"""

from collections.abc import Generator, Sequence

from zeroidle_contract import ErrorCode, Output
from zeroidle_inference.engine.request import Answer, Request

TaskSteps = Generator[Sequence[Request], Sequence[Answer], Output]


class TaskError(Exception):
    """A task that cannot give a valid output for this document. `code` says why."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
