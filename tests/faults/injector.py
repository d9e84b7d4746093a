"""Faults at botocore's own hook, before and after the send: what the network and AWS may do.

One draw a call decides; it depends on the seed, the caller and the call, not on the order in which
threads happen to run. Knows nothing of what the calls mean.
"""

import itertools
import json
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from faults.journal import Journal
from faults.messages import Delayed
from faults.simulated_clock import SimulatedClock

CLIENT_TIMEOUT_S = 3.0

THROTTLES = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "sqs": (403, "RequestThrottled"),
    "s3": (503, "SlowDown"),
}


@dataclass(frozen=True)
class Rates:
    """Probabilities: of each fault for one call, and of a process fault for one engine step.

    `outage_share` of the time, in stretches of `OUTAGE_S`, a dependency answers nothing.
    """

    kill_before: float = 0.0003
    kill_after: float = 0.0003
    throttled: float = 0.02
    not_sent: float = 0.01
    answer_lost: float = 0.01
    delayed: float = 0.005
    partial: float = 0.03
    slow: float = 0.03
    outage_share: float = 0.003
    kill_in_step: float = 0.0003
    stall_in_step: float = 0.001


HARSH = Rates(
    kill_before=0.003,
    kill_after=0.003,
    throttled=0.3,
    answer_lost=0.02,
    delayed=0.02,
    outage_share=0.1,
    kill_in_step=0.005,
    stall_in_step=0.02,
)

CALM = Rates(**{rate.name: 0.0 for rate in fields(Rates)})
"""For short runs that are to find something."""

OUTAGE_S = 20

HIDING = "ChangeMessageVisibilityBatch"
"""Is never delayed: arriving late, it would move the very bound that is measured."""


class Injector:
    """Hooks into one process's clients. `tell` hands a delayed request to the harness."""

    def __init__(
        self,
        *,
        seed: int,
        who: str,
        rates: Rates,
        clock: SimulatedClock,
        journal: Journal,
        tell: Callable[[Any], None],
    ) -> None:
        self._seed = seed
        self._who = who
        self._rates = rates
        self._clock = clock
        self._journal = journal
        self._tell = tell
        self._calls = itertools.count()

    def attach(self, client: Any) -> None:
        """Put the faults between this client and the network."""
        service = client.meta.service_model.service_id.hyphenize()

        def before_send(request: AWSPreparedRequest, event_name: str, **_: Any) -> Any:
            operation = event_name.rsplit(".", 1)[1]
            return self._pass(service, operation, request, client._endpoint.http_session.send)

        client.meta.events.register_first(f"before-send.{service}", before_send)

    def _pass(
        self,
        service: str,
        operation: str,
        request: AWSPreparedRequest,
        send: Callable[[AWSPreparedRequest], AWSResponse],
    ) -> AWSResponse:
        fault = self._draw(service, operation)
        if fault is not None:
            self._note(fault, operation)
        match fault:
            case "kill_before":
                kill()
            case "throttled":
                return _refuse(request, *THROTTLES[service])
            case "not_sent" | "outage":
                self._clock.sleep(1.0)
                raise ConnectTimeoutError(endpoint_url=request.url)
            case "delayed":
                due_s = self._clock.true_s + random.Random(self._who + operation).uniform(5, 400)  # noqa: S311 - a plan
                self._tell(
                    Delayed(due_s, request.method, request.url, _headers(request), _body(request))
                )
                self._clock.sleep(CLIENT_TIMEOUT_S)
                raise ReadTimeoutError(endpoint_url=request.url)
            case "slow":
                self._clock.sleep(0.5)
        if fault == "partial":
            return self._send_in_part(request, operation, send)
        response = send(request)
        self._note("sent", operation)
        if fault == "kill_after":
            kill()
        if fault == "answer_lost":
            self._clock.sleep(CLIENT_TIMEOUT_S)
            raise ReadTimeoutError(endpoint_url=request.url)
        return response

    def _draw(self, service: str, operation: str) -> str | None:
        stretch = int(self._clock.true_s // OUTAGE_S)
        weather = random.Random(f"{self._seed} {service} {stretch}")  # noqa: S311 - a plan
        if weather.random() < self._rates.outage_share:
            return "outage"
        call = random.Random(f"{self._seed} {self._who} {operation} {next(self._calls)}").random()  # noqa: S311 - a plan
        for fault in (
            "kill_before", "kill_after", "throttled", "not_sent", "answer_lost", "delayed",
            "partial", "slow",
        ):  # fmt: skip
            if fault == "partial" and not operation.endswith("Batch"):
                continue
            if fault == "delayed" and (operation == HIDING or service == "s3"):
                continue
            call -= getattr(self._rates, fault)
            if call < 0:
                return fault
        return None

    def _send_in_part(
        self,
        request: AWSPreparedRequest,
        operation: str,
        send: Callable[[AWSPreparedRequest], AWSResponse],
    ) -> AWSResponse:
        """Let SQS refuse the first entry for a reason of its own."""
        asked = json.loads(_body(request))
        refused, *passed = asked["Entries"]
        failed = {"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}
        if not passed:
            return _answer(request, 200, {"Successful": [], "Failed": [failed]})
        request.body = json.dumps({**asked, "Entries": passed})
        request.headers["Content-Length"] = str(len(request.body))
        response = send(request)
        answer = json.loads(response.content)
        answer["Failed"] = [*answer.get("Failed", []), failed]
        return _answer(request, response.status_code, answer)

    def _note(self, what: str, operation: str) -> None:
        self._journal.write(self._clock.true_s, self._who, what, operation)


def kill() -> None:
    """What the out-of-memory killer does, too."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Raw:
    """The body of an answer that never came over a network."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._content


def _answer(request: AWSPreparedRequest, status: int, content: Any) -> AWSResponse:
    return _raw_answer(request, status, json.dumps(content).encode())


def _raw_answer(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    # botocore itself passes its own headers here.
    return AWSResponse(request.url, status, HeadersDict(), _Raw(body))  # type: ignore[arg-type]


def _refuse(request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
    if code == "SlowDown":
        body = f"<Error><Code>{code}</Code><Message>played</Message></Error>".encode()
        return _raw_answer(request, status, body)
    return _answer(request, status, {"__type": code, "message": "played"})


def _headers(request: AWSPreparedRequest) -> dict[str, str]:
    raw: dict[str, Any] = dict(request.headers.items())
    return {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in raw.items()
    }


def _body(request: AWSPreparedRequest) -> bytes:
    """The JSON of DynamoDB and SQS."""
    body: Any = request.body
    return body.encode() if isinstance(body, str) else bytes(body)
