"""Dollars an hour from what the function did: arithmetic on the dated price list."""

from zeroidle_contract.prices import Prices
from zeroidle_ops.observe.snapshot import Activity, Limits, Spend

_HOUR_S = 3600
_MILLION = 1_000_000


def spend(activity: Activity, limits: Limits, prices: Prices) -> Spend | None:
    """What an hour costs at the rate of the window; None where nobody measured the function.

    Billed duration is at least the measured one, and init is billed on top: the figure is a lower
    bound, close where invocations are long.
    """
    if activity.busy_s is None or activity.invocations is None:
        return None
    lambda_ = prices.aws_lambda
    is_arm = limits.architecture == "arm64"
    busy_s_per_h = activity.busy_s * _HOUR_S / activity.window_s
    provisioned_s = limits.provisioned * _HOUR_S
    executing_s = min(busy_s_per_h, provisioned_s)
    on_demand = lambda_.arm64_gb_second if is_arm else lambda_.x86_64_gb_second
    executing = (
        lambda_.provisioned_arm64_gb_second_executing
        if is_arm
        else lambda_.provisioned_x86_64_gb_second_executing
    )
    idle = (
        lambda_.provisioned_arm64_gb_second_idle
        if is_arm
        else lambda_.provisioned_x86_64_gb_second_idle
    )
    compute = (busy_s_per_h - executing_s) * on_demand + executing_s * executing
    requests = activity.invocations * _HOUR_S / activity.window_s
    return Spend(
        compute_usd_per_h=compute * limits.memory_gb,
        requests_usd_per_h=requests * lambda_.million_requests / _MILLION,
        # The fee for keeping environments is paid whether they work or not.
        provisioned_usd_per_h=provisioned_s * limits.memory_gb * idle,
    )
