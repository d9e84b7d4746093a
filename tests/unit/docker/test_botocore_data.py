"""What is left of botocore's data serves the function's clients as before."""

import json
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.regions import EndpointResolver
from botocore.session import Session

from zeroidle_image.botocore_data import SERVICES, trim

SHIPPED = Path(botocore.__file__).parent / "data"
REGIONS = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1")


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Botocore's data of the three services, trimmed."""
    data = tmp_path_factory.mktemp("botocore") / "data"
    data.mkdir()
    for service in (*SERVICES, "sns"):
        shutil.copytree(SHIPPED / service, data / service)
    for file in SHIPPED.glob("*.json"):
        shutil.copyfile(file, data / file.name)
    trim(data)
    return data


def session(data: Path) -> Session:
    """A session that reads its descriptions there and nowhere else."""
    made = Session()
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    made.register_component("data_loader", loader)
    made.set_credentials("none", "none")
    return made


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("region", REGIONS)
def test_a_client_has_the_same_calls_and_the_same_endpoint(
    trimmed: Path, service: str, region: str
) -> None:
    whole, small = (
        session(data).create_client(service, region_name=region) for data in (SHIPPED, trimmed)
    )

    assert small.meta.endpoint_url == whole.meta.endpoint_url
    assert small.meta.method_to_api_mapping == whole.meta.method_to_api_mapping
    for name in whole.meta.service_model.operation_names:
        ours, theirs = (
            one.meta.service_model.operation_model(name).input_shape for one in (small, whole)
        )
        assert _members(ours) == _members(theirs)


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("s3", "get_object", {"Bucket": "bucket", "Key": "a/b"}),
        ("s3", "put_object", {"Bucket": "bucket", "Key": "a/b", "Body": b"text"}),
        ("dynamodb", "get_item", {"TableName": "jobs", "Key": {"job": {"S": "a"}}}),
        ("dynamodb", "update_item", {"TableName": "jobs", "Key": {"job": {"S": "a"}}}),
        ("sqs", "send_message", {"QueueUrl": "https://q/1/jobs", "MessageBody": "text"}),
        ("sqs", "change_message_visibility_batch", {"QueueUrl": "https://q/1/jobs", "Entries": []}),
    ],
)
@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9"])
def test_a_call_is_sent_as_before(
    trimmed: Path, service: str, call: str, arguments: dict[str, Any], endpoint: str | None
) -> None:
    whole, small = (
        sent(session(data), service, call, arguments, endpoint) for data in (SHIPPED, trimmed)
    )

    assert small == whole


def sent(
    session: Session, service: str, call: str, arguments: dict[str, Any], endpoint: str | None
) -> tuple[str, str, Any]:
    """Method, address and body of the request that a call leads to; nothing leaves this process."""
    requests: list[tuple[str, str, Any]] = []

    def take(request: AWSPreparedRequest, **_: object) -> None:
        requests.append((str(request.method), str(request.url), request.body))
        raise InterruptedError

    client = session.create_client(service, region_name="eu-central-1", endpoint_url=endpoint)
    client.meta.events.register("before-send", take)
    with pytest.raises(InterruptedError):
        getattr(client, call)(**arguments)
    [(method, url, body)] = requests
    return method, url, body.read() if hasattr(body, "read") else body


def test_other_services_are_gone(trimmed: Path) -> None:
    with pytest.raises(UnknownServiceError):
        session(trimmed).create_client("sns", region_name="us-east-1")


def test_no_prose_is_left(trimmed: Path) -> None:
    described = json.loads((trimmed / "sqs" / "2012-11-05" / "service-2.json").read_text())

    assert described["documentation"] == ""
    assert described["operations"]["SendMessage"]["documentation"] == ""


def test_every_region_of_the_services_is_left(trimmed: Path) -> None:
    whole, small = (
        EndpointResolver(json.loads((data / "endpoints.json").read_text()))
        for data in (SHIPPED, trimmed)
    )

    for partition in whole.get_available_partitions():
        for service in SERVICES:
            assert small.get_available_endpoints(service, partition) == (
                whole.get_available_endpoints(service, partition)
            )


def test_a_botocore_without_a_service_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sqs").mkdir()

    with pytest.raises(FileNotFoundError, match="dynamodb"):
        trim(tmp_path)


def _members(shape: object) -> dict[str, str]:
    return {name: one.type_name for name, one in getattr(shape, "members", {}).items()}
