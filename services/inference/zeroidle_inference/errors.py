"""What can go wrong around the engine.

ServiceError
├── SettingsError          the function's environment is wrong; lists every mistake
├── ModelNotReadyError     the model is still loading when the time is up
├── DependencyDownError    DynamoDB, S3 or SQS does not serve us
└── UnexpectedAnswerError  AWS refused one call for a reason of its own
"""

from collections.abc import Sequence


class ServiceError(Exception):
    """Base of the service's errors."""


class SettingsError(ServiceError):
    """The function's environment is wrong. The message lists every mistake."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("the function's environment is wrong: " + "; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class ModelNotReadyError(ServiceError):
    """The model is still loading when the invocation's time is up."""


class TooSlowError(ServiceError):
    """A job that does not finish in a whole invocation of its own, as tried or as estimated."""

    def __init__(self) -> None:
        super().__init__("the job does not finish in a whole invocation of its own")


class DependencyDownError(ServiceError):
    """DynamoDB, S3 or SQS does not serve us: no answer, throttled, failing or forbidden.

    Attributes:
        dependency: `dynamodb`, `s3` or `sqs`.
        reason: the AWS error code, or the kind of connection error.
        may_have_applied: True when the call may have taken effect all the same.
    """

    def __init__(self, dependency: str, reason: str, *, may_have_applied: bool) -> None:
        super().__init__(f"{dependency} does not serve us: {reason}")
        self.dependency = dependency
        self.reason = reason
        self.may_have_applied = may_have_applied


class UnexpectedAnswerError(ServiceError):
    """AWS refused one call for a reason that lies in the call, such as its size."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency} refused the call: {reason}")
        self.dependency = dependency
        self.reason = reason
