"""Policies by name. Ours and its rivals; knows nothing of what they do."""

from zeroidle_contract import Prices
from zeroidle_ops.scale.simulation.policies import ScalingPolicy, rival
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.zeroidle import zeroidle

OURS = "zeroidle"
RIVALS = ("unchanged", "static", "aws-default", "keda", "target-tracking")


def policy_named(
    name: str, *, scenario: Scenario, times: ServiceTimes, prices: Prices
) -> ScalingPolicy:
    """A fresh policy: each run has its own memory."""
    if name == OURS:
        return zeroidle(scenario, times, prices)
    return rival(name, scenario, times)
