"""The contract as JSON Schema, for producers in other languages, and the named output schemas.

`job.schema.json` and `result.schema.json` are generated: `python -m zeroidle_contract.schemas`.
"""

import json
from functools import cache
from importlib import resources
from typing import Any, cast

from zeroidle_contract.task import NamedSchema


@cache
def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def output_schema(name: NamedSchema) -> dict[str, Any]:
    """A named output schema of `extract`, as a fresh dictionary."""
    return cast("dict[str, Any]", json.loads(_read(f"outputs/{name.value}.json")))
