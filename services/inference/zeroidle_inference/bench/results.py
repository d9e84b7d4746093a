"""From the runs of `bench-engine` to its rows, its ratios and the account of lost time. Arithmetic.

Knows nothing of processes or models.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = "zeroidle"
_ROW_COLUMNS = (
    "model",
    "task",
    "system",
    "tasks_per_s",
    "cpu_s_per_task",
    "peak_rss_mib",
    "output_tokens",
    "efficiency",
    "agreement",
    "shared",
    "prefilled",
    "forced",
    "sampled",
)


@dataclass(frozen=True)
class Run:
    """One system's batch in one round. `output_tokens` are those of the whole batch."""

    model: str
    task: str
    system: str
    setting: str
    is_common: bool
    round: int
    items: int
    seconds: float
    cpu_s: float
    peak_rss_mib: float
    output_tokens: int
    outputs: Sequence[Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tasks_per_s(self) -> float:
        """Speed."""
        return self.items / self.seconds

    @property
    def label(self) -> str:
        """The system with its setting; ours has none."""
        return self.system if self.system == OURS else f"{self.system}, {self.setting}"


def columns() -> tuple[str, ...]:
    """Of a row, in order."""
    return _ROW_COLUMNS


def rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row for each model, task and system: medians over the rounds."""
    ours = {(run.model, run.task, run.round, run.setting): run for run in runs if _is_ours(run)}
    return [
        {
            "model": model,
            "task": task,
            "system": label,
            "tasks_per_s": median(run.tasks_per_s for run in group),
            "cpu_s_per_task": median(run.cpu_s / run.items for run in group),
            "peak_rss_mib": max(run.peak_rss_mib for run in group),
            "output_tokens": median(run.output_tokens / run.items for run in group),
            "efficiency": _of_ours(group, lambda run: run.details["efficiency"]["ideal"]),
            "agreement": _agreement(group, ours),
            **_tokens_by_kind(group),
        }
        for (model, task, label), group in _grouped(runs).items()
    ]


def ratios(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each model and task: our speed over the best peer's, asked in any and the common way.

    Each round's pair is compared, so that the machine's drift cancels; the median is reported.
    """
    ours = {(run.model, run.task, run.round, run.setting): run for run in runs if _is_ours(run)}
    result: list[dict[str, Any]] = []
    groups = {key: group for key, group in _grouped(runs).items() if not _is_ours(group[0])}
    for model, task in dict.fromkeys((model, task) for model, task, _ in groups):
        peers = [group for (*of, _), group in groups.items() if of == [model, task]]
        row: dict[str, Any] = {"model": model, "task": task}
        for name, candidates in (
            ("any", peers),
            ("common", [group for group in peers if group[0].is_common]),
        ):
            best = max(candidates, key=lambda group: median(run.tasks_per_s for run in group))
            row[f"ratio_{name}"] = median(
                ours[run.model, run.task, run.round, run.setting].tasks_per_s / run.tasks_per_s
                for run in best
            )
            row[f"best_{name}"] = best[0].label
        result.append(row)
    return result


def where_the_rest_goes(runs: Sequence[Run]) -> str:
    """For each model and task the shares of our time, and what the steps looked like."""
    lines: list[str] = []
    for (model, task, _), group in _grouped([run for run in runs if _is_ours(run)]).items():
        shares = {
            name: median(run.details["efficiency"][name] for run in group)
            for name in group[0].details["efficiency"]
        }
        parts = ", ".join(
            f"{name.replace('_', ' ')} {100 * share:.1f} %" for name, share in shares.items()
        )
        accounts = [run.details["account"] for run in group]
        rows_a_step = median(account["rows"] / account["steps"] for account in accounts)
        passes = median(account["passes"] / account["steps"] for account in accounts)
        lines.append(
            f"{model}, {task}: {parts}; {rows_a_step:.0f} rows and {passes:.1f} passes a step"
        )
    return "\n".join(lines)


def _is_ours(run: Run) -> bool:
    return run.system == OURS


def _grouped(runs: Iterable[Run]) -> dict[tuple[str, str, str], list[Run]]:
    groups: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.model, run.task, run.label].append(run)
    return groups


def _of_ours(group: Sequence[Run], value: Any) -> float | None:  # noqa: ANN401 - a function of a run
    return median(value(run) for run in group) if _is_ours(group[0]) else None


def _tokens_by_kind(group: Sequence[Run]) -> dict[str, float | None]:
    """Tokens of a task: copied from the shared prefix, computed of the prompt, forced, sampled."""

    def median_of(*kinds: str) -> float | None:
        first, *others = kinds
        return _of_ours(
            group,
            lambda run: (
                (run.details["usage"][first] - sum(run.details["usage"][kind] for kind in others))
                / run.items
            ),
        )

    return {
        "shared": median_of("cached"),
        "prefilled": median_of("prompt", "cached"),
        "forced": median_of("forced"),
        "sampled": median_of("sampled"),
    }


def _agreement(group: Sequence[Run], ours: Mapping[tuple[str, str, int, str], Run]) -> float | None:
    """Share of a peer's answers that say what ours say, where they should."""
    if _is_ours(group[0]):
        return None
    verdicts: list[bool] = []
    for run in group:
        own = ours[run.model, run.task, run.round, run.setting].outputs
        for answer, expected in zip(run.outputs, own, strict=False):
            verdict = agrees(expected, str(answer))
            if verdict is None:
                return None
            verdicts.append(verdict)
    return sum(verdicts) / len(verdicts)


def agrees(ours: Mapping[str, Any], peers: str) -> bool | None:
    """Whether a peer's text says what our output says; None for tasks asked in different words."""
    match ours["kind"]:
        case "classify":
            label = _json(peers).get("label", peers.strip())
            return bool(label) and str(ours["label"]).startswith(str(label))
        case "extract":
            return bool(_json(peers) == ours["data"])
        case "summarize":
            # Ours is cut to whole sentences.
            return peers.strip().startswith(str(ours["summary"]))
        case _:
            return None


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
