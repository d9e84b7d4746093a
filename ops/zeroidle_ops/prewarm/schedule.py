"""When provisioned concurrency shall stand: a TOML file of daily windows and named events.

    timezone = "Europe/Berlin"

    [[daily]]
    name = "office"
    days = "MON-FRI"
    from = "08:00"
    until = "18:00"
    environments = 4

    [[event]]
    name = "stock-taking"
    from = 2027-01-02T08:00:00
    until = 2027-01-02T20:00:00
    environments = 10

Environments shall be ready at `from`, so their allocation starts a lead earlier. Every window ends
with none, so two that meet, leads included, are refused: the first to end would take both down.
Knows no AWS.
"""

import math
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, NaiveDatetime, ValidationError, model_validator

from zeroidle_contract.task import Frozen
from zeroidle_ops.prewarm.errors import ScheduleError

OWN: Final = "zeroidle-"
"""Our scheduled actions' names begin so; all others are somebody else's."""

ALLOCATION_S: Final = 120
"""What AWS may take beside the init: some hundred environments a minute, and the schedule's own
grain."""

_DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY: Final = "|".join(_DAYS)


class ScheduledAction(Frozen):
    """One scheduled action of Application Auto Scaling."""

    name: str
    schedule: str
    timezone: str
    environments: int


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        msg = "is no time zone, such as Europe/Berlin"
        raise ValueError(msg) from None
    return name


Span = tuple[datetime, datetime]
_A_MONDAY: Final = date(2001, 1, 1)

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Environments = Annotated[int, Field(ge=1, le=1000)]


class Daily(Frozen):
    """A window on some days of each week, within one day."""

    name: Name
    days: Annotated[
        str, Field(pattern=r"^(MON|TUE|WED|THU|FRI|SAT|SUN)(-(MON|TUE|WED|THU|FRI|SAT|SUN))?$")
    ]
    begin: Annotated[time, Field(alias="from")]
    until: time
    environments: Environments

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until <= self.begin:
            msg = "until must be later on the same day than from"
            raise ValueError(msg)
        return self

    def covers(self, now: datetime) -> bool:
        """True within the window."""
        first, _, last = self.days.partition("-")
        a, b, today = _DAYS.index(first), _DAYS.index(last or first), now.weekday()
        on_day = a <= today <= b if a <= b else today >= a or today <= b
        return on_day and self.begin <= now.time() < self.until

    @property
    def dates(self) -> tuple[date, ...]:
        """A week, which says all."""
        return tuple(_A_MONDAY + timedelta(days=day) for day in range(7))

    def span(self, day: date) -> Span | None:
        """The window of that day; None where the day has none."""
        at = datetime.combine(day, self.begin)
        return (at, datetime.combine(day, self.until)) if self.covers(at) else None

    def actions(self, timezone: str, lead: timedelta) -> Iterator[ScheduledAction]:
        """Up before the window, down after it."""
        start = datetime.combine(datetime(2000, 1, 2).date(), self.begin) - lead  # noqa: DTZ001 - a time of day
        if start.day != 2:  # noqa: PLR2004 - the day above
            raise ScheduleError(
                f"{self.name}: {self.begin:%H:%M} less {lead.seconds // 60} minutes of lead is the "
                "day before; begin later, or write an event"
            )
        for suffix, at, count in (("up", start.time(), self.environments), ("down", self.until, 0)):
            yield ScheduledAction(
                name=f"{OWN}{self.name}-{suffix}",
                schedule=f"cron({at.minute} {at.hour} ? * {self.days} *)",
                timezone=timezone,
                environments=count,
            )


class Event(Frozen):
    """A window that comes once. Its times have no zone: the file's holds."""

    name: Name
    begin: Annotated[NaiveDatetime, Field(alias="from")]
    until: NaiveDatetime
    environments: Environments

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until <= self.begin:
            msg = "until must be later than from"
            raise ValueError(msg)
        return self

    def covers(self, now: datetime) -> bool:
        """True within the window."""
        return self.begin <= now.replace(tzinfo=None) < self.until

    @property
    def dates(self) -> tuple[date, ...]:
        """Its days and those beside them; after eight all weekdays were among them."""
        days = (self.until.date() - self.begin.date()).days + 2
        first = self.begin.date() - timedelta(days=1)
        return tuple(first + timedelta(days=day) for day in range(min(days, 10) + 1))

    def span(self, day: date) -> Span:
        """The window, whatever the day."""
        del day
        return self.begin, self.until

    def actions(self, timezone: str, lead: timedelta) -> Iterator[ScheduledAction]:
        """Up before the window, down after it."""
        for suffix, at, count in (
            ("up", self.begin - lead, self.environments),
            ("down", self.until, 0),
        ):
            yield ScheduledAction(
                name=f"{OWN}{self.name}-{suffix}",
                schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
                timezone=timezone,
                environments=count,
            )


class Schedule(Frozen):
    """The whole file."""

    timezone: Annotated[str, AfterValidator(_zone)]
    daily: tuple[Daily, ...] = ()
    event: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> Self:
        names = [one.name for one in self.windows]
        if len(set(names)) != len(names):
            msg = "every window needs a name of its own"
            raise ValueError(msg)
        return self

    @property
    def windows(self) -> tuple[Daily | Event, ...]:
        """All of them."""
        return (*self.daily, *self.event)

    @property
    def most(self) -> int:
        """The most environments that any window asks for."""
        return max((one.environments for one in self.windows), default=0)

    def actions(self, lead: timedelta) -> dict[str, ScheduledAction]:
        """The scheduled actions, by name.

        Raises:
            ScheduleError: windows that meet, or one that would have to begin the day before.
        """
        for one, other in combinations(self.windows, 2):
            _check_apart(one, other, lead)
        return {
            action.name: action
            for window in self.windows
            for action in window.actions(self.timezone, lead)
        }

    def environments_at(self, now: datetime, lead: timedelta) -> int:
        """How many shall stand at this moment or be on their way.

        Within a lead of a window too: the scheduled action that begins it has gone by.
        """
        local = now.astimezone(ZoneInfo(self.timezone))
        return max(
            (
                one.environments
                for one in self.windows
                if one.covers(local) or one.covers(local + lead)
            ),
            default=0,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises ScheduleError with every mistake in it."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ScheduleError(f"{path} cannot be read ({error.strerror})") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ScheduleError(f"{path} is no TOML: {error}") from None
        except ValidationError as error:
            mistakes = "; ".join(
                f"{'.'.join(str(part) for part in one['loc']) or 'file'}: {one['msg']}"
                for one in error.errors(include_input=False, include_url=False)
            )
            raise ScheduleError(f"{path}: {mistakes}") from None


def _check_apart(one: Daily | Event, other: Daily | Event, lead: timedelta) -> None:
    """Raises ScheduleError where the one is not over, and its end applied, before the other."""
    events = [window for window in (one, other) if isinstance(window, Event)]
    for day in (events[0] if events else one).dates:
        a, b = one.span(day), other.span(day)
        if a is not None and b is not None and a[0] - lead <= b[1] and b[0] - lead <= a[1]:
            raise ScheduleError(
                f"{one.name} and {other.name} meet (each begins {lead.seconds // 60} minutes early "
                "to be ready): the first to end would take both down; keep them apart, or make "
                "them one"
            )


def lead_time(init_s: float) -> timedelta:
    """From the start of the allocation to readiness, in whole minutes: the init, and AWS's own."""
    return timedelta(minutes=math.ceil((init_s + ALLOCATION_S) / 60))
