"""Keeps of botocore's data what the function's clients read; run inside the image's build.

Botocore ships descriptions of 400 services, 20 MB, and looks through their folders for every
client. Those it reads are mostly prose for its manuals, and its table of endpoints names every
service in every region: parsing both took a seventh of the handler's import.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

SERVICES: Final = ("dynamodb", "s3", "sqs")
"""That the function has clients of."""


def trim(data: Path, services: tuple[str, ...] = SERVICES) -> None:
    """Rewrite botocore's folder `data` in place.

    Raises:
        FileNotFoundError: it lacks one of the services, or the table of endpoints.
    """
    for folder in [one for one in data.iterdir() if one.is_dir()]:
        if folder.name not in services:
            shutil.rmtree(folder)
    for service in services:
        for version in sorted((data / service).iterdir()):
            (version / "examples-1.json").unlink(missing_ok=True)
            for packed in version.glob("*.json.gz"):
                _write(
                    packed.with_suffix(""),
                    _without_prose(json.loads(gzip.decompress(packed.read_bytes()))),
                )
                packed.unlink()
    endpoints = data / "endpoints.json"
    table = json.loads(endpoints.read_text())
    for partition in table["partitions"]:
        known = partition["services"]
        partition["services"] = {name: known[name] for name in services if name in known}
    _write(endpoints, table)


def _without_prose(described: Any) -> Any:  # noqa: ANN401 - JSON
    """The same with every documentation empty: of some, botocore asks that it be there.

    What is described may bear that name itself; its description is an object, and stays.
    """
    if isinstance(described, list):
        return [_without_prose(one) for one in described]
    if not isinstance(described, dict):
        return described
    return {
        name: "" if name == "documentation" and isinstance(value, str) else _without_prose(value)
        for name, value in described.items()
    }


def _write(path: Path, content: Any) -> None:  # noqa: ANN401 - JSON
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
