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
    """Tell one job's story: where it is, its attempts, time, tokens, cost; what to do if it failed.

    Its history comes from the function's log, so it begins with the invocations that have ended.
    It changes nothing; to find the message of a job that failed, it looks at some hundred dead
    letters, which stay where they are. A part that your role may not read is left out and named.

    Example: `zeroidle job claim-4711 --stack prod --tenant claims`
    """
    with options.target() as target:
        story = read_job(target, job_id, tenant=tenant, now=datetime.now(UTC))
    prices, stack_option = load_prices(), options.spelled
    show(
        job_json(story, prices, stack_option=stack_option, show_output=show_output),
        job_table(story, prices, stack_option=stack_option, show_output=show_output),
        json=options.json,
    )
    return DONE
