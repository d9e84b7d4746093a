"""AWS errors, classified: is the dependency down, or is this one call wrong?

The rest of the service knows the two answers (`DependencyDownError`, `UnexpectedAnswerError`) and
nothing of botocore. Errors that an adapter understands itself (a failed condition, a missing key)
are caught by it inside the guard.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError
from botocore.exceptions import EndpointConnectionError as NotReachedError

from zeroidle_inference.errors import DependencyDownError, UnexpectedAnswerError

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "OverLimit",
        "KmsThrottled",
        "KMS.ThrottlingException",
        "LimitExceededException",
    }
)
"""After botocore's own retries these mean: not now."""

MISCONFIGURED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "NoSuchBucket",
        "ResourceNotFoundException",
        "KmsAccessDenied",
        "KmsDisabled",
        "KmsInvalidState",
        "KmsNotFound",
        "KMS.DisabledException",
        "KMS.NotFoundException",
    }
)
"""No job can be served until somebody changes the account: treated as an outage."""

SERVER_ERROR = 500


@contextmanager
def guard(dependency: str) -> Iterator[None]:
    """Translate botocore's errors inside the block.

    Raises:
        DependencyDownError: no connection, no answer, throttling, a server error, no permission.
        UnexpectedAnswerError: any other refusal.
    """
    try:
        yield
    except ClientError as error:
        raise classify(dependency, error) from error
    except BotoCoreError as error:
        # Only a connection that was never made proves that nothing was applied.
        never_sent = isinstance(error, NotReachedError | ConnectTimeoutError)
        raise DependencyDownError(
            dependency, type(error).__name__, may_have_applied=not never_sent
        ) from error


def classify(dependency: str, error: ClientError) -> DependencyDownError | UnexpectedAnswerError:
    """What a refusal means."""
    code = error.response.get("Error", {}).get("Code", "unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or code in MISCONFIGURED:
        return DependencyDownError(dependency, code, may_have_applied=False)
    if status >= SERVER_ERROR:
        return DependencyDownError(dependency, code, may_have_applied=True)
    return UnexpectedAnswerError(dependency, code)
