"""Writes `job.schema.json` and `result.schema.json` from the models."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from zeroidle_contract.job import Job
from zeroidle_contract.result import Result

GENERATED: dict[str, type[BaseModel]] = {
    "job.schema.json": Job,
    "result.schema.json": Result,
}


def render(model: type[BaseModel]) -> str:
    """A model's JSON Schema as committed: two-space indent, newline at the end."""
    return json.dumps(model.model_json_schema(), indent=2) + "\n"


def main() -> None:
    """Write each schema beside this file."""
    for name, model in GENERATED.items():
        path = Path(__file__).with_name(name)
        path.write_text(render(model), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
