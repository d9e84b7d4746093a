"""What a stack costs a month while nothing is queued: read off the template that ships.

Prices storage, keys, alarms, endpoints and the polling of an empty queue. Free tiers are left out.
"""

import re
from collections import Counter
from dataclasses import dataclass

from zeroidle_contract import Prices
from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.cost.bill import PER_MILLION, Line
from zeroidle_loadtest.cost.projection import Function
from zeroidle_loadtest.cost.usage import Quantity
from zeroidle_ops.stack.deploy import template

HOURS_PER_MONTH = 730
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
POLLERS = 5
LONG_POLL_S = 20
ZONES = 2
"""Availability zones of a network with interface endpoints; AWS advises two or more."""
IMAGE_GB = Band(0.3, 5.0, 10.0)
"""The image holds the model: a small one, 8B in 4 bits, and Lambda's limit."""

_TYPE = re.compile(r"^    Type: (AWS::\S+)$", re.MULTILINE)
_ENDPOINT = re.compile(r"VpcEndpointType: Interface")


@dataclass(frozen=True)
class Inventory:
    """Those resources of the template that cost money at rest."""

    keys: int
    alarms: int
    interface_endpoints: int
    mappings: int


def read_inventory(text: str) -> Inventory:
    """Count the resources of a template; optional ones too, as if they were all deployed."""
    types = Counter(_TYPE.findall(text))
    return Inventory(
        keys=types["AWS::KMS::Key"],
        alarms=types["AWS::CloudWatch::Alarm"],
        interface_endpoints=len(_ENDPOINT.findall(text)),
        mappings=types["AWS::Lambda::EventSourceMapping"],
    )


@dataclass(frozen=True)
class Floor:
    """The lines of a month at rest, and what is optional beside them."""

    lines: tuple[Line, ...]
    options: tuple[Line, ...]

    @property
    def total_usd(self) -> Band:
        """A month without the options."""
        return sum((line.usd for line in self.lines), Band.exactly(0.0))


def monthly_floor(prices: Prices, function: Function, inventory: Inventory | None = None) -> Floor:
    """What a stack of the shipped template costs at rest."""
    has = inventory or read_inventory(template())
    polls = has.mappings * POLLERS * SECONDS_PER_MONTH / LONG_POLL_S
    idle = f"provisioned_{function.architecture}_gb_second_idle"
    return Floor(
        lines=(
            _line(
                "polling of the empty queue",
                polls,
                "requests",
                ("sqs", "million_requests", PER_MILLION),
                prices,
                f"{POLLERS} pollers of {LONG_POLL_S} s each",
            ),
            _line(
                "image with the model",
                IMAGE_GB,
                "GB",
                ("ecr", "gb_month", 1),
                prices,
                "a small model, 8B in 4 bits, and Lambda's limit",
            ),
            _line("encryption keys", has.keys, "", ("kms", "key_month", 1), prices, "template"),
            _line("alarms", has.alarms, "", ("cloudwatch", "alarm_month", 1), prices, "template"),
        ),
        options=(
            _line(
                "private network: interface endpoints",
                max(1, has.interface_endpoints) * ZONES * HOURS_PER_MONTH,
                "hours",
                ("privatelink", "endpoint_zone_hour", 1),
                prices,
                f"{max(1, has.interface_endpoints)} endpoints in {ZONES} zones; "
                "those for S3 and DynamoDB are free",
            ),
            _line(
                "one environment kept warm",
                SECONDS_PER_MONTH * function.memory_gb,
                "GB-s",
                ("aws_lambda", idle, 1),
                prices,
                f"provisioned concurrency of 1 all month, {function}",
            ),
        ),
    )


def _line(
    name: str,
    amount: float | Band,
    unit: str,
    price: tuple[str, str, int],
    prices: Prices,
    why: str,
) -> Line:
    service, key, per = price
    table = getattr(prices, service)
    band = amount if isinstance(amount, Band) else Band.exactly(float(amount))
    return Line(
        name=name,
        quantity=Quantity(band, "counted" if band.is_exact else "assumed", why),
        unit=unit,
        unit_usd=getattr(table, key) / per,
        price=f"{service}.{key}",
        source=table.source,
    )
