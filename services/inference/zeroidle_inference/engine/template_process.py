"""Renders one foreign chat template, in a process of its own that can use up nothing but itself.

The template comes out of a model file that anyone may have written. Jinja's sandbox keeps it from
Python's internals, but not from looping, doubling strings or raising numbers to powers without
end; only the operating system can. Run by `template.py`, by path: it imports nothing of this
package. Job in on stdin, outcome on stdout, both JSON.
"""

import json
import resource
import sys
from datetime import UTC, datetime
from typing import NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 2
MEMORY_BYTES = 256 * 1024 * 1024
MAX_RENDERED_CHARACTERS = 100_000
MAX_ERROR_CHARACTERS = 200


def render(source: str, variables: dict[str, object]) -> str:
    """The rendered text, no longer than one character over the limit."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda layout: datetime.now(UTC).strftime(layout)
    text = ""
    for part in environment.from_string(source).generate(variables):
        text += part
        if len(text) > MAX_RENDERED_CHARACTERS:
            raise jinja2.TemplateError(f"it writes over {MAX_RENDERED_CHARACTERS} characters")
    return text


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def main() -> None:
    """Render the job on stdin."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    job = json.load(sys.stdin)
    outcome: dict[str, str]
    try:
        outcome = {"text": render(job["source"], job["variables"])}
    except Exception as error:  # noqa: BLE001 - a foreign program ran: it may raise anything
        reason = str(error) or type(error).__name__
        outcome = {"error": reason[:MAX_ERROR_CHARACTERS]}
    json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    main()
