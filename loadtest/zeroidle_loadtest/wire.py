"""What the coordinator and the workers of one run say to each other. Plain data, for msgpack."""

from typing import Any

from zeroidle_contract.task import Frozen
from zeroidle_loadtest.record import ModelRecord


class Plan(Frozen):
    """What a worker is to do: its shard of the run that begins at this moment, on this stack."""

    run_id: str
    stack: str
    local_stack: str
    started_unix_ms: float
    shard: int
    shards: int
    scenario: dict[str, Any]


class Report(Frozen):
    """What a worker has seen since its last report. `requests` are lines of `requests.jsonl`.

    `busy` is the largest share of one CPU it has used so far, `peak_rss_mib` the most memory. The
    last report is `is_done`, with an `error` where the worker could not go on.
    """

    run_id: str
    shard: int
    requests: tuple[str, ...] = ()
    taken: int
    pending: int
    busy: float
    clock_jump_ms: float
    peak_rss_mib: float = 0.0
    model: ModelRecord | None = None
    load_ended_ms: float | None = None
    is_done: bool = False
    is_interrupted: bool = False
    error: str | None = None
