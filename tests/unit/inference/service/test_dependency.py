"""AWS errors, classified."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from zeroidle_inference.dependency import guard
from zeroidle_inference.errors import DependencyDownError, UnexpectedAnswerError


def refusal(code: str, status: int) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": "quotes the item"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "UpdateItem")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "may_have_applied"),
    [
        (EndpointConnectionError(endpoint_url="u"), False),
        (ConnectTimeoutError(endpoint_url="u"), False),
        (ReadTimeoutError(endpoint_url="u"), True),
        (ConnectionClosedError(endpoint_url="u"), True),
        (refusal("InternalServerError", 500), True),
        (refusal("ServiceUnavailable", 503), True),
        (refusal("ThrottlingException", 400), False),
        (refusal("ProvisionedThroughputExceededException", 400), False),
        (refusal("SlowDown", 503), False),
        (refusal("AccessDeniedException", 400), False),
        (refusal("ResourceNotFoundException", 400), False),
        (refusal("AWS.SimpleQueueService.NonExistentQueue", 400), False),
    ],
)
def test_what_keeps_every_job_from_being_served_is_an_outage(
    error: Exception, may_have_applied: bool
) -> None:
    with pytest.raises(DependencyDownError) as caught, guard("dynamodb"):
        raise error
    assert caught.value.may_have_applied is may_have_applied
    assert caught.value.dependency == "dynamodb"


def test_missing_credentials_are_an_outage_too() -> None:
    with pytest.raises(DependencyDownError), guard("s3"):
        raise NoCredentialsError


def test_what_is_wrong_with_one_call_concerns_that_call() -> None:
    with pytest.raises(UnexpectedAnswerError) as caught, guard("dynamodb"):
        raise refusal("ValidationException", 400)
    assert str(caught.value) == "dynamodb refused the call: ValidationException"


@pytest.mark.parametrize("error", [refusal("ValidationException", 400), BotoCoreError()])
def test_awss_own_message_is_not_repeated(error: Exception) -> None:
    with pytest.raises((DependencyDownError, UnexpectedAnswerError)) as caught, guard("s3"):
        raise error
    assert "quotes" not in str(caught.value)
