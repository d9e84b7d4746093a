"""The law's hands on AWS: the mapping's limit and state, and reserved concurrency beside it.

Reserved concurrency is raised before the mapping and lowered after it, and only once no more
environments run than it leaves: a throttled batch burns receives. A function that reserves nothing
is left so. Decides nothing.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from zeroidle_contract import Stack
from zeroidle_ops.observe.limits import read_provisioned
from zeroidle_ops.scale.errors import MappingBusyError
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SETTLED: Final = frozenset({"Enabled", "Disabled"})
WAIT_S: Final = 120
_POLL_S = 1.0


class Actuator:
    """One stack's mapping and function. `keep_lock` is called while it waits."""

    def __init__(
        self,
        *,
        stack: Stack,
        lambda_: "LambdaClient",
        clock: Clock,
        keep_lock: Callable[[], None] = lambda: None,
    ) -> None:
        self._stack = stack
        self._lambda = lambda_
        self._clock = clock
        self._keep_lock = keep_lock

    def set_limit(self, target: int, *, reserved: int | None, running: float) -> None:
        """Set the mapping's limit, and the reservation in the order that throttles nobody.

        Raises:
            MappingBusyError: somebody else is changing the mapping.
        """
        self._wait_until_settled()
        self.raise_reserved(target, reserved=reserved)
        self._update(ScalingConfig={"MaximumConcurrency": target})
        self.lower_reserved(target, reserved=reserved, running=running)

    def raise_reserved(self, target: int, *, reserved: int | None) -> None:
        """Reserve what a limit needs, where the function reserves anything."""
        if reserved is not None and reserved < target:
            self._reserve(target)

    def lower_reserved(self, limit: int, *, reserved: int | None, running: float) -> None:
        """Give back what neither limit, running nor provisioned environments need any more."""
        if reserved is None or reserved <= limit:
            return
        # Provisioned environments come out of the reservation, which must cover them.
        provisioned = read_provisioned(self._lambda, self._stack).requested
        wanted = max(limit, math.ceil(running), provisioned)
        if wanted < reserved:
            self._reserve(wanted)

    def pause(self) -> None:
        """Disable the mapping. What is in flight ends. Raises MappingBusyError."""
        self._wait_until_settled()
        self._update(Enabled=False)

    def resume(self, target: int, *, reserved: int | None) -> None:
        """Enable the mapping with this limit. Raises MappingBusyError."""
        self._wait_until_settled()
        self.raise_reserved(target, reserved=reserved)
        self._update(Enabled=True, ScalingConfig={"MaximumConcurrency": target})

    def _update(self, **change: Any) -> None:  # noqa: ANN401 - the arguments of the call
        mapping_id = self._stack.event_source_mapping_id
        try:
            self._lambda.update_event_source_mapping(UUID=mapping_id, **change)
        except self._lambda.exceptions.ResourceInUseException:
            raise _busy("it is being updated") from None
        self._wait_until_settled(is_changed=True)

    def _wait_until_settled(self, *, is_changed: bool = False) -> None:
        give_up_s = self._clock.monotonic_s() + WAIT_S
        while (state := self._state()) not in SETTLED:
            if self._clock.monotonic_s() > give_up_s:
                if is_changed:
                    raise MappingBusyError(
                        f"the event source mapping took the change, but has been {state} for "
                        f"{WAIT_S} s; see that it becomes Enabled or Disabled"
                    )
                raise _busy(f"it has been {state} for {WAIT_S} s")
            self._keep_lock()
            self._clock.sleep(_POLL_S)

    def _state(self) -> str:
        mapping = self._lambda.get_event_source_mapping(UUID=self._stack.event_source_mapping_id)
        return mapping["State"]

    def _reserve(self, count: int) -> None:
        self._lambda.put_function_concurrency(
            FunctionName=self._stack.function_name, ReservedConcurrentExecutions=count
        )


def _busy(why: str) -> MappingBusyError:
    return MappingBusyError(
        f"somebody else changes the event source mapping ({why}); nothing was changed, "
        "try again when it is Enabled or Disabled"
    )
