"""What a check found. Knows no AWS."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, or (`is_unchecked`) that could not be looked at."""

    check: str
    what: str
    why: str
    remedy: str
    is_unchecked: bool = False
