"""`zeroidle job`: reads arguments, reads one job's story, prints it."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from zeroidle_contract import load_prices
from zeroidle_ops.cli import Options, Tenant
from zeroidle_ops.console import DONE, show
from zeroidle_ops.story.reading import read_job
from zeroidle_ops.story.telling import job_json, job_table

NO_OPTIONS = Options()


def job(
    job_id: Annotated[str, Parameter(help="The id it was submitted under.")],
    /,
    *,
    options: Options = NO_OPTIONS,
    tenant: Tenant = None,
    show_output: Annotated[bool, Parameter(help="Print the answer, too.")] = False,
) -> int:
    """Tell one job's story; its help is in `cli_commands`."""
    with options.target() as target:
        story = read_job(target, job_id, tenant=tenant, now=datetime.now(UTC))
    prices, stack_option = load_prices(), options.spelled
    show(
        job_json(story, prices, stack_option=stack_option, show_output=show_output),
        job_table(story, prices, stack_option=stack_option, show_output=show_output),
        json=options.json,
    )
    return DONE
