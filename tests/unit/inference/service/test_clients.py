"""The function's clients: what a cold start makes, and what it leaves for later."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

from botocore.session import Session

from zeroidle_inference.clients import make_clients


class CountingSession:
    """Makes clients that know their service's name, and remembers which."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def create_client(self, service: str, **_: object) -> "NamedClient":
        self.made.append(service)
        return NamedClient(service)


class NamedClient:
    def __init__(self, service: str) -> None:
        self.service = service


def test_a_cold_start_does_not_pay_for_s3() -> None:
    session = CountingSession()
    make_clients(cast("Session", session))
    assert sorted(session.made) == ["dynamodb", "sqs"]


def test_the_first_who_needs_s3_makes_it_once_for_all() -> None:
    session = CountingSession()
    clients = make_clients(cast("Session", session))
    with ThreadPoolExecutor(8) as pool:
        services = list(pool.map(lambda _: getattr(clients.s3, "service"), range(8)))  # noqa: B009 - the fake's own
    assert services == ["s3"] * 8
    assert session.made.count("s3") == 1
