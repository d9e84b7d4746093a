"""What can go wrong in an operator's hands. Each message says what is wrong and what to do.

OpsError
├── UsageError            the command line asks for something that cannot be
├── InputError            a file or folder of documents that cannot be read as asked
├── JobNotFoundError      no job of that id in the table
├── NothingToDoError      there is nothing to do: no failure, and an exit code of its own
├── LockBusyError         another operator works on the same thing
├── LockLostError         the lock ran out, and another operator has taken it
├── CannotListenError     the exporter's address is taken, or not this machine's
├── CannotWriteError      output that takes nothing more
├── DeploymentError       the template did not deploy, or must not now
│   └── NothingToDeployError  the stack is as asked already
└── LocalStackError       the local emulator or its stack
    └── NotRunningError       nothing runs, or it stopped by itself
"""

from http import HTTPStatus

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as UnreachableError

from zeroidle_contract import ClaimCheckError, StackNotFoundError
from zeroidle_producer import ProducerError


class OpsError(Exception):
    """Base of this package's errors."""


class UsageError(OpsError):
    """The command line asks for something that cannot be."""


class NothingToDoError(OpsError):
    """There is nothing to do: no failure, and an exit code of its own."""


class InputError(OpsError):
    """A file or folder of documents that cannot be read as asked."""


class JobNotFoundError(OpsError):
    """No job of that id in the table."""


class LockBusyError(OpsError):
    """Another operator works on the same thing."""


class LockLostError(OpsError):
    """The lock ran out, and another operator has taken it."""


class CannotListenError(OpsError):
    """The exporter's address is taken, or not this machine's."""


class CannotWriteError(OpsError):
    """Output that takes nothing more: a full disk, a terminal that is gone."""


class LocalStackError(OpsError):
    """The local emulator or its stack."""


class NotRunningError(LocalStackError):
    """Nothing runs, or it stopped by itself."""


class DeploymentError(OpsError):
    """The template did not deploy, or must not now."""


class NothingToDeployError(DeploymentError, NothingToDoError):
    """The stack is as asked already."""


_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (OpsError, "{}"),
    (ProducerError, "{}"),
    (ClaimCheckError, "{}"),
    (StackNotFoundError, "{}; check --stack and the region (AWS_DEFAULT_REGION), or use --local"),
    (NoCredentialsError, "there are no AWS credentials; log in (`aws sso login`), or use --local"),
    (NoRegionError, "no AWS region is set; set AWS_DEFAULT_REGION, or use --local"),
    (ProfileNotFound, "{}; set AWS_PROFILE to one of your profiles"),
    (SSOError, "the AWS login has expired; run `aws sso login` again"),
    (TokenRetrievalError, "the AWS login has expired; run `aws sso login` again"),
    (UnreachableError, "AWS cannot be reached ({}); check the network and the region"),
    (HTTPClientError, "AWS cannot be reached ({}); check the network and the region"),
)

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)

_PASSING = frozenset(
    {
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceConflictException",  # Lambda: another operation is in progress
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def is_denied(error: ClientError) -> bool:
    """True where the caller's role does not allow it."""
    return error.response.get("Error", {}).get("Code") in _DENIED


def is_passing(error: Exception) -> bool:
    """True for what may go by itself: AWS throttles, is broken, or cannot be reached."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
            or error.response.get("Error", {}).get("Code") in _PASSING
        )
    return isinstance(error, (UnreachableError, HTTPClientError))


def explain(error: Exception) -> str | None:
    """One sentence for an expected error of AWS or of this package; None for a surprise."""
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence.format(error)
    return _explain_refusal(error) if isinstance(error, ClientError) else None


def _explain_refusal(error: ClientError) -> str:
    detail = error.response.get("Error", {})
    code, message = detail.get("Code", "unknown"), detail.get("Message", "")
    if is_denied(error):
        return f"AWS denies {error.operation_name}: {message}; ask for a role that allows it"
    if code in _EXPIRED:
        return "the AWS credentials are expired or unknown; log in again"
    return f"AWS refused {error.operation_name} ({code}): {message}"
