"""Is each parameter's value one that the template takes? Told before AWS is asked.

The limits are read from the template itself. What values mean together is not known here.
"""

import re
from collections.abc import Mapping
from typing import Any

from zeroidle_ops.errors import DeploymentError
from zeroidle_ops.stack import deploy


def check_each(values: Mapping[str, str]) -> None:
    """Is every value within its parameter's limits?

    Raises:
        DeploymentError: with every mistake, each with the limits.
    """
    declared = deploy.declared()
    mistakes = [f"the template has no parameter {name}" for name in values if name not in declared]
    for name, value in values.items():
        rule = broken_rule(declared[name], value) if name in declared else None
        if rule is not None:
            mistakes.append(f"{name} is {value!r}, it {rule}")
    if mistakes:
        raise DeploymentError("; ".join(mistakes))


def broken_rule(declared: Mapping[str, Any], value: str) -> str | None:
    """The rule that a value breaks, such as "must be a whole number from 1 to 10"; None for none.

    `declared` is the parameter as the template declares it, numbers as texts.
    """
    if "AllowedValues" in declared:
        allowed = declared["AllowedValues"]
        return None if value in allowed else f"must be one of {', '.join(allowed)}"
    if declared["Type"] == "Number":
        least, most = int(declared["MinValue"]), int(declared["MaxValue"])
        is_within = re.fullmatch(r"\d+", value) is not None and least <= int(value) <= most
        return None if is_within else f"must be a whole number from {least} to {most}"
    if len(value) < (shortest := int(declared.get("MinLength", 0))):
        return f"must have at least {shortest} characters"
    if len(value) > (longest := int(declared.get("MaxLength", deploy.LONGEST_VALUE))):
        return f"must have at most {longest} characters"
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value):
        return str(declared["ConstraintDescription"]).rstrip(".")
    return None
