"""A snapshot as a JSON value: the same names as its fields, causes as a list."""

from dataclasses import asdict
from typing import Any

from zeroidle_ops.observe.snapshot import Snapshot


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """One object; parts that could not be read are null, and named under `unreadable`."""
    letters = snapshot.dead_letters
    return {
        "stack": snapshot.stack_name,
        "at": snapshot.at.isoformat(timespec="seconds"),
        "queue": asdict(snapshot.queue) if snapshot.queue else None,
        "dead_letters": None
        if letters is None
        else {
            "messages": letters.messages,
            "seen": letters.seen,
            "is_partial": letters.is_partial,
            "left_out": letters.left_out,
            "expires_in_s": letters.expires_in_s,
            "by_cause": [
                {"code": cause.code, "fingerprint": cause.fingerprint, "count": count}
                for cause, count in sorted(
                    letters.by_cause.items(), key=lambda item: (-item[1], item[0])
                )
            ],
        },
        "limits": asdict(snapshot.limits) if snapshot.limits else None,
        "activity": asdict(snapshot.activity) if snapshot.activity else None,
        "spend": {**asdict(snapshot.spend), "usd_per_h": snapshot.spend.usd_per_h}
        if snapshot.spend
        else None,
        "decisions": None
        if snapshot.decisions is None
        else [
            {**asdict(decision), "at": decision.at.isoformat(timespec="seconds")}
            for decision in snapshot.decisions
        ],
        "scaler": None
        if snapshot.scaler is None
        else {
            "is_scheduled": snapshot.scaler.is_scheduled,
            "ticked_at": snapshot.scaler.ticked_at.isoformat(timespec="seconds")
            if snapshot.scaler.ticked_at
            else None,
        },
        "unreadable": {source.value: why for source, why in snapshot.unreadable.items()},
    }
