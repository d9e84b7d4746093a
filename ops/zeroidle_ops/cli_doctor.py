"""`zeroidle doctor`: reads arguments, runs the checks, prints what they found."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, PARTIAL, show
from zeroidle_ops.doctor.doctor import examine
from zeroidle_ops.doctor.finding import Finding

NO_OPTIONS = Options()


def doctor(
    *,
    options: Options = NO_OPTIONS,
    model_sha256: Annotated[
        str | None, Parameter(name="--model-sha256", help="The model that should run.")
    ] = None,
) -> int:
    """Check an installation; its help is in `cli_commands`."""
    with options.target() as target:
        findings = examine(target, model_sha256=model_sha256)
        value = {
            "stack": target.stack_name,
            "log_group": target.stack.log_group_name,
            "findings": [asdict(finding) for finding in findings],
        }
    show(value, _told(findings), json=options.json)
    return PARTIAL if findings else DONE


def _told(findings: list[Finding]) -> RenderableType:
    if not findings:
        return Text("nothing is wrong", style="green")
    lines: list[Text] = []
    for finding in findings:
        style = "yellow" if finding.is_unchecked else "red"
        lines += [
            Text.assemble((finding.check, f"bold {style}"), "  ", finding.what),
            Text(f"  why: {finding.why}", style="dim"),
            Text(f"  do:  {finding.remedy}"),
        ]
    wrong = sum(not finding.is_unchecked for finding in findings)
    return Group(*lines, Text(f"{wrong} wrong, {len(findings) - wrong} could not be checked"))
