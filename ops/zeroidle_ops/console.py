"""What every command does at a terminal: data out, progress, questions, and how it ends.

Data goes to stdout, progress to stderr. Knows no command.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from cyclopts import App, CycloptsError
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from zeroidle_ops.errors import CannotWriteError, NothingToDoError, UsageError

DONE: Final = 0
ERROR: Final = 1
USAGE: Final = 2
PARTIAL: Final = 3
"""Or a threshold that is breached."""

NOTHING_TO_DO: Final = 4


def show(value: dict[str, Any], table: RenderableType, *, json: bool) -> None:
    """Data, to stdout: as JSON, or as a table for people.

    Raises:
        CannotWriteError: stdout takes nothing. A pipe whose reader has gone ends the program.
    """
    console = Console(soft_wrap=json)
    try:
        if json:
            console.print_json(data=value, indent=2)
        else:
            console.print(table, markup=False, highlight=False)
    except OSError as error:
        raise CannotWriteError(f"cannot write to stdout ({error.strerror})") from error


def tell(line: str) -> None:
    """Progress, to stderr."""
    Console(stderr=True).print(line, style="dim", markup=False, highlight=False)


def ask(question: str, *, yes: bool = False) -> None:
    """Go on only if the answer is yes; `yes` answers beforehand.

    Raises:
        UsageError: it is not, or nobody is there to be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: give --yes")
    Console(stderr=True).print(f"{question} [y/N] ", end="", markup=False)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was done")


def progress() -> Progress:
    """A bar for work that is counted, on stderr; gone when it is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def run_command(
    app: App,
    arguments: Sequence[str] | None,
    *,
    program: str,
    explain: Callable[[Exception], str | None],
    usage_errors: tuple[type[Exception], ...] = (),
) -> int:
    """Run a command and return its exit code. Expected errors are one sentence on stderr."""
    usage: tuple[type[Exception], ...] = (CycloptsError, UsageError, *usage_errors)
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except NothingToDoError as nothing:
        tell(str(nothing))
        return NOTHING_TO_DO
    except usage as error:
        return _fail(program, str(error), USAGE)
    except KeyboardInterrupt:
        return _fail(program, "interrupted", ERROR)
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        return _fail(program, sentence, ERROR)
    return int(code or 0)


def _fail(program: str, sentence: str, code: int) -> int:
    sys.stderr.write(f"{program}: {sentence}\n")
    return code
