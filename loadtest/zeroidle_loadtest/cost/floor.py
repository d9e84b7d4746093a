"""What a stack costs a month while nothing is queued: read off the template that ships.

Prices storage, alarms, the dashboard, what runs on a schedule and the polling of an empty queue;
beside them what a deployment may choose: a key, a private network, the scaler, warm environments.
Free tiers are left out.
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

OPS_GB = 0.25
"""Memory of the scheduled functions."""
OPS_S = Band(0.5, 2.0, 10.0)
SCALER_METRICS = 7
"""Read at each tick of the scaler (`zeroidle_ops.scale.measured`)."""

_TYPE = re.compile(r"^    Type: (AWS::\S+)$", re.MULTILINE)
_ENDPOINT = re.compile(r"VpcEndpointType: Interface")
_MINUTES_PER_MONTH = HOURS_PER_MONTH * 60


_Row = tuple[str, float | Band, str, tuple[str, str, int], str]
"""Name, quantity, unit, its price (service, key, per how many), and how the quantity is known."""


@dataclass(frozen=True)
class Inventory:
    """Those resources of the template that cost money at rest."""

    keys: int
    alarms: int
    interface_endpoints: int
    mappings: int
    dashboards: int
    watch_runs: float
    """A month, of the watch over expiring dead letters."""
    scaler_runs: float


def read_inventory(text: str) -> Inventory:
    """Count the resources of a template; optional ones too, as if they were all deployed."""
    types = Counter(_TYPE.findall(text))
    return Inventory(
        keys=types["AWS::KMS::Key"],
        alarms=types["AWS::CloudWatch::Alarm"],
        interface_endpoints=len(_ENDPOINT.findall(text)),
        mappings=types["AWS::Lambda::EventSourceMapping"],
        dashboards=types["AWS::CloudWatch::Dashboard"],
        watch_runs=_runs(text, "WatchSchedule"),
        scaler_runs=_runs(text, "ScalerRule"),
    )


def _runs(text: str, rule: str) -> float:
    """Runs a month of a schedule in minutes; none where the template has no such rule."""
    found = re.search(rf"^  {rule}:$.*?rate\((\d+) minutes?\)", text, re.MULTILINE | re.DOTALL)
    return _MINUTES_PER_MONTH / int(found[1]) if found else 0.0


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
    endpoints = has.interface_endpoints
    second = ("aws_lambda", "arm64_gb_second", 1)
    idle = f"provisioned_{function.architecture}_gb_second_idle"
    rows: tuple[_Row, ...] = (
        ("polling of the empty queue", polls, "requests",
         ("sqs", "million_requests", PER_MILLION), f"{POLLERS} pollers of {LONG_POLL_S} s each"),
        ("image with the model", IMAGE_GB, "GB", ("ecr", "gb_month", 1),
         "a small model, 8B in 4 bits, and Lambda's limit"),
        ("alarms", has.alarms, "", ("cloudwatch", "alarm_month", 1), "template"),
        ("dashboard", has.dashboards, "", ("cloudwatch", "dashboard_month", 1),
         "template; an account's first three are free, which counts as a free tier"),
        ("watch over dead letters: its metric", 1 if has.watch_runs else 0, "",
         ("cloudwatch", "metric_month", 1), "written every time it looks"),
        ("watch over dead letters: its looks", OPS_S * (has.watch_runs * OPS_GB), "GB-s", second,
         f"{has.watch_runs:,.0f} a month, {OPS_GB * 1024:.0f} MB"),
    )  # fmt: skip
    options: tuple[_Row, ...] = (
        ("encryption key of your own", has.keys, "", ("kms", "key_month", 1),
         "EncryptionKey=stack; the default is AWS's own key, which is free"),
        ("private network: interface endpoints", endpoints * ZONES * HOURS_PER_MONTH, "hours",
         ("privatelink", "endpoint_zone_hour", 1),
         f"{endpoints} in {ZONES} zones; those for S3 and DynamoDB are free"),
        ("scaler: metrics it reads", has.scaler_runs * SCALER_METRICS, "",
         ("cloudwatch", "million_metrics_read", PER_MILLION),
         f"{SCALER_METRICS} at each of {has.scaler_runs:,.0f} ticks a month"),
        ("scaler: its ticks", OPS_S * (has.scaler_runs * OPS_GB), "GB-s", second,
         f"{has.scaler_runs:,.0f} a month, {OPS_GB * 1024:.0f} MB"),
        ("one environment kept warm", SECONDS_PER_MONTH * function.memory_gb, "GB-s",
         ("aws_lambda", idle, 1), f"provisioned concurrency of 1 all month, {function}"),
    )  # fmt: skip
    return Floor(
        lines=tuple(_line(row, prices) for row in rows),
        options=tuple(_line(row, prices) for row in options),
    )


def _line(row: _Row, prices: Prices) -> Line:
    name, amount, unit, (service, key, per), why = row
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
