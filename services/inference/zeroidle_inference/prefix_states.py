"""Writes the prefix states that an image ships with: `python -m zeroidle_inference.prefix_states`.

For each task file the shared part of its prompts is computed once and saved; a cold start that
finds the state (ZEROIDLE_PREFIX_STATES) does not compute it again. Without task files it only
proves that the model loads, in the function's memory if that is given.
"""

import argparse
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from zeroidle_contract import Task
from zeroidle_inference import tasks
from zeroidle_inference.engine import prefix_files
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.load import build, load
from zeroidle_inference.settings import DEFAULT_CONTEXT_TOKENS

_TASK: TypeAdapter[Task] = TypeAdapter(Task)
_EXAMPLE_DOCUMENT = "In spring Ann Example wrote a document."


class TaskFileError(Exception):
    """A task file cannot be read, or holds no task. Says which."""


def main() -> None:
    """Parse arguments, write one file for each prompt, print its path."""
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.prefix_states",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m zeroidle_inference.prefix_states "
        "--model model.gguf --to prefixes samples/*/task.json",
    )
    parser.add_argument("tasks", nargs="*", type=Path, help="task files (JSON)")
    parser.add_argument("--model", required=True, type=Path, help="the GGUF")
    parser.add_argument("--to", required=True, type=Path, help="folder to write to")
    parser.add_argument("--memory-mb", type=int, help="the function's memory; refuse what is above")
    parser.add_argument(
        "--context-tokens",
        type=int,
        default=DEFAULT_CONTEXT_TOKENS,
        help="what one sequence may hold in the function (default: %(default)s)",
    )
    arguments = parser.parse_args()
    try:
        _write(arguments)
    except (ModelFileError, TaskFileError) as error:
        parser.exit(1, f"error: {error}\n")


def _write(arguments: argparse.Namespace) -> None:
    read = [_read(path) for path in arguments.tasks]
    engine = load(
        arguments.model,
        threads=os.cpu_count() or 1,
        context_tokens=arguments.context_tokens,
        max_sequences=1,
        memory_bytes=arguments.memory_mb << 20 if arguments.memory_mb else None,
    )
    for task in read:
        requests = next(tasks.start(task, _EXAMPLE_DOCUMENT, engine.text_model), ())
        for request in requests:
            tokens, state = engine.prefix_state(request.prompt)
            if not tokens:
                continue
            written = prefix_files.write(
                arguments.to,
                model_sha256=engine.identity.sha256,
                build=build(),
                tokens=tokens,
                state=state,
            )
            sys.stdout.write(f"{written}  {len(tokens)} tokens\n")


def _read(path: Path) -> Task:
    try:
        return _TASK.validate_json(path.read_bytes())
    except OSError as error:
        raise TaskFileError(f"cannot read the task file {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise TaskFileError(f"{path} is no task: {where}: {first['msg']}") from error


if __name__ == "__main__":
    main()
