"""One tick of the controller: recall, look, decide, apply, write down. And an operator's pause.

Two locks in the ops table. `controller` is held as long as one runs, so that there is one. `change`
is held from a look to its change, by a tick and by an operator's pause or resume alike: on-call can
pause while a controller runs, and comes between no look and its change.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from zeroidle_contract import Stack
from zeroidle_ops.errors import LockBusyError, explain, is_passing
from zeroidle_ops.lock import Lock
from zeroidle_ops.scale.actuator import Actuator
from zeroidle_ops.scale.errors import (
    MappingBusyError,
    NotPausedError,
    PausedAlreadyError,
    StoppedError,
)
from zeroidle_ops.scale.law import PAUSED, Cause, Decision, decide
from zeroidle_ops.scale.memory import CONTROLLER, Diary, Entry
from zeroidle_ops.scale.observation import Observation
from zeroidle_ops.scale.observer import Observer, ServiceTime, Sight
from zeroidle_ops.scale.policy import Policy
from zeroidle_producer.clock import Clock, SystemClock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

LEASE_S: Final = 60
TICK_S: Final = 60.0
PATIENCE_S: Final = 15.0
"""A pause waits so long for a tick that is under way."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What was seen and decided, and whether it was done."""

    observation: Observation
    decision: Decision


class Controller:
    """The controller of one stack's mapping."""

    def __init__(
        self,
        *,
        stack: Stack,
        operator: str,
        policy: Policy,
        sqs: "SQSClient",
        dynamodb: "DynamoDBClient",
        lambda_: "LambdaClient",
        cloudwatch: "CloudWatchClient",
        service_time: ServiceTime | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stack = stack
        self._operator = operator
        self._policy = policy
        self._dynamodb = dynamodb
        self._lambda = lambda_
        self._clock = clock or SystemClock()
        self._diary = Diary(
            dynamodb=dynamodb,
            table=stack.ops_table_name,
            mapping_id=stack.event_source_mapping_id,
        )
        self._observer = Observer(
            stack=stack,
            sqs=sqs,
            dynamodb=dynamodb,
            lambda_=lambda_,
            cloudwatch=cloudwatch,
            clock=self._clock,
            service_time=service_time or ServiceTime(),
        )

    def recommend(self) -> Tick:
        """What one tick would do. Changes nothing, and needs no lock."""
        seen = self._observer.look(self._diary.recall()).observation
        return Tick(observation=seen, decision=decide(seen, self._policy))

    def tick(self) -> Tick:
        """Look, decide and apply once, under the lock.

        Raises:
            LockBusyError: another controller or operator is at it.
            LockLostError: the lock ran out while the mapping was waited for.
            MappingBusyError: somebody else is changing the mapping.
        """
        with self._lock("controller", "controls the scaling") as lock:
            return self._tick(lock)

    def run(
        self,
        *,
        should_stop: Callable[[], bool],
        on_tick: Callable[[Tick], None],
        on_skip: Callable[[str], None],
        tick_s: float = TICK_S,
    ) -> None:
        """Tick until told to stop. A tick that must or can not be now is skipped, and why is told.

        Raises:
            LockBusyError: another controller or operator is at it.
            LockLostError: another took the lock over.
            ClientError, BotoCoreError: of AWS, where it will not go by itself (`is_passing`).
        """
        with self._lock("controller", "controls the scaling") as lock:
            while not should_stop():
                with _skipped(on_skip):
                    lock.renew()
                    on_tick(self._tick(lock))
                until_s = self._clock.monotonic_s() + tick_s
                while not should_stop() and self._clock.monotonic_s() < until_s:
                    # Asked for again in a second, and told at the tick if it is still refused.
                    with _skipped(lambda _: None):
                        lock.renew()
                    self._clock.sleep(min(1.0, tick_s))

    def pause(self, *, reason: str) -> None:
        """Disable the mapping until somebody resumes it.

        Raises:
            PausedAlreadyError: it is paused; by whom and why.
            LockBusyError: a controller is at it this very moment.
            MappingBusyError: somebody else is changing the mapping.
        """
        with self._change("pauses the mapping") as lock:
            sight = self._observer.look(self._diary.recall())
            seen, memory = sight.observation, sight.memory
            if seen.paused_by is not None and not seen.is_own_pause:
                why = f" ({memory.pause_reason})" if memory.pause_reason else ""
                raise PausedAlreadyError(f"the mapping is paused by {seen.paused_by}{why}")
            memory = replace(memory, paused_by=self._operator, pause_reason=reason)
            self._diary.remember(memory)  # first: see _tick
            self._actuator(lock.renew).pause()
            decision = Decision(target=PAUSED, cause=Cause.PAUSED, reason=reason)
            self._diary.write(decision, seen, holder=self._operator, at_s=memory.at_s)

    def resume(self, *, reason: str, lift_stop: bool = False) -> int:
        """Enable the mapping at the policy's least; it grows from there. Returns the limit.

        A reserved concurrency of 0 is somebody's emergency stop, lifted only with `lift_stop`.

        Raises:
            NotPausedError: it is enabled.
            StoppedError: reserved concurrency is 0, and shall not be lifted.
            LockBusyError: a controller is at it this very moment.
            MappingBusyError: somebody else is changing the mapping.
        """
        with self._change("resumes the mapping") as lock:
            sight = self._observer.look(self._diary.recall())
            seen, memory = sight.observation, sight.memory
            if seen.paused_by is None:
                raise NotPausedError("the mapping is enabled: there is nothing to resume")
            target = self._policy.least
            if seen.reserved == 0 and not lift_stop:
                raise StoppedError(
                    "reserved concurrency is 0: somebody has stopped the function besides the "
                    "pause; ask them, then resume with --lift-stop, which reserves "
                    f"{target}. Nothing was changed"
                )
            self._actuator(lock.renew).resume(target, reserved=seen.reserved)
            at_s = memory.at_s
            memory = replace(
                memory, paused_by=None, pause_reason=None, resumed_at_s=at_s, changed_at_s=at_s
            )
            self._diary.remember(memory)
            decision = Decision(target=target, cause=Cause.RESUMED, reason=reason)
            self._diary.write(decision, seen, holder=self._operator, at_s=at_s)
            return target

    def history(self, count: int) -> list[Entry]:
        """The last decisions, the newest first."""
        return self._diary.read(count)

    @contextmanager
    def _change(self, purpose: str) -> Iterator[Lock]:
        """The lock on changes; a tick that is just under way is waited for."""
        give_up_s = self._clock.monotonic_s() + PATIENCE_S
        with ExitStack() as held:
            while True:
                try:
                    lock = held.enter_context(self._lock("change", purpose))
                    break
                except LockBusyError:
                    if self._clock.monotonic_s() > give_up_s:
                        raise
                    self._clock.sleep(1.0)
            yield lock

    def _lock(self, kind: str, purpose: str) -> Lock:
        return Lock(
            dynamodb=self._dynamodb,
            table=self._stack.ops_table_name,
            thing=f"scale-{kind}#{self._stack.event_source_mapping_id}",
            called="this stack's scaling",
            holder=self._operator,
            purpose=purpose,
            clock=self._clock,
            lease_s=LEASE_S,
        )

    def _tick(self, controller: Lock) -> Tick:
        with self._change("controls the scaling") as change:

            def keep_locks() -> None:
                controller.renew()
                change.renew()

            recalled = self._diary.recall()
            sight = self._observer.look(recalled)
            decision = decide(sight.observation, self._policy)
            keep_locks()
            if decision.target == PAUSED:
                # First: should this tick end on the way, the pause is still known as the
                # controller's own, to be ended by it. An enabled mapping makes it forgotten.
                self._diary.remember(
                    replace(recalled, paused_by=CONTROLLER, pause_reason=decision.reason)
                )
            self._apply(sight, decision, self._actuator(keep_locks))
            at_s = sight.memory.at_s
            memory = sight.memory.after(decision, at_s=at_s)
            self._diary.remember(replace(memory, ticked_at_s=at_s))
            self._diary.write(decision, sight.observation, holder=self._operator, at_s=at_s)
        return Tick(observation=sight.observation, decision=decision)

    def _apply(self, sight: Sight, decision: Decision, actuator: Actuator) -> None:
        seen = sight.observation
        if decision.target == PAUSED:
            actuator.pause()
        elif decision.cause is Cause.RESUMED and decision.target is not None:
            actuator.resume(decision.target, reserved=seen.reserved)
        elif decision.target is not None:
            actuator.set_limit(decision.target, reserved=seen.reserved, running=seen.running)
        elif seen.reserved and seen.current and decision.cause not in {Cause.STALE, Cause.PAUSED}:
            # A lowering that waited for environments to end.
            actuator.lower_reserved(seen.current, reserved=seen.reserved, running=seen.running)

    def _actuator(self, keep_lock: Callable[[], None]) -> Actuator:
        return Actuator(
            stack=self._stack, lambda_=self._lambda, clock=self._clock, keep_lock=keep_lock
        )


@contextmanager
def _skipped(on_skip: Callable[[str], None]) -> Iterator[None]:
    """What is in the way for a while only is told, not raised."""
    try:
        yield
    except (LockBusyError, MappingBusyError) as busy:  # an operator, a deployment
        on_skip(str(busy))
    except (BotoCoreError, ClientError) as error:
        if not is_passing(error):
            raise
        on_skip(explain(error) or str(error))
