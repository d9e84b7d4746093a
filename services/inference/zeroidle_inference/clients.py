"""The function's clients of AWS, tuned for calls of a few milliseconds beside a busy engine.

Made by botocore itself: boto3 would add a tenth to the handler's import, and nothing else.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

NETWORK_THREADS = 8
"""Claims and commits of a batch of ten, each a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One client of each service. Safe to share between threads.

    S3's is made at its first use: most jobs carry their text along, and reading what botocore knows
    of S3 takes a sixth of the handler's import.
    """

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    sqs: "SQSClient"


def make_clients(session: Session) -> Clients:
    """Clients that give up early: an invocation has better things to do than to wait."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=NETWORK_THREADS,
    )
    # The store builds its low-level values itself: validating them again costs 0.1 ms a call.
    unchecked = config.merge(Config(parameter_validation=False))
    return Clients(
        dynamodb=cast("DynamoDBClient", session.create_client("dynamodb", config=unchecked)),
        s3=cast("S3Client", _AtFirstUse(lambda: session.create_client("s3", config=config))),
        sqs=cast("SQSClient", session.create_client("sqs", config=config)),
    )


class _AtFirstUse:
    """Stands for a client until somebody asks it for something."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: object = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        with self._lock:  # a session makes one client at a time
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)
