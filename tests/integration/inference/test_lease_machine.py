"""The claim's state machine against DynamoDB on the emulator, and on broken stores."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from integration.inference.dynamo_table import DynamoTable
from unit.inference.service.lease_machine import LeaseMachine

from zeroidle_contract import Status
from zeroidle_contract.table import JOB_KEY
from zeroidle_inference.lease import Lease
from zeroidle_inference.store import DynamoJobStore

if TYPE_CHECKING:
    from emulator import Emulator, StackResources

pytestmark = pytest.mark.emulator

SETTINGS = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
"""Some thousands of calls of a few milliseconds."""


@pytest.fixture
def make_machine(emulator: "Emulator", resources: "StackResources") -> Any:
    def make(store: type[DynamoJobStore] = DynamoJobStore) -> type[LeaseMachine]:
        class DynamoLeaseMachine(LeaseMachine):
            def make_table(self) -> DynamoTable:
                table = DynamoTable(emulator, resources)
                table.store = store(
                    dynamodb=table.dynamodb,
                    table=table.name,
                    outputs=table.outputs,
                    clock=table.clock,
                )
                return table

        return DynamoLeaseMachine

    return make


def test_several_workers_on_one_job_keep_the_laws(make_machine: Any) -> None:
    run_state_machine_as_test(make_machine(), settings=SETTINGS)


class WithoutFence(DynamoJobStore):
    """A mutant: any holder may write."""

    def _write_leased(self, lease: Lease, update: Any, *, leaves: Status) -> None:
        self._write(
            lease.job_key,
            update,
            f"attribute_exists({update.name(JOB_KEY)})",
            returns="NONE",
            mine=lambda _: False,
        )


class WithoutAttempts(DynamoJobStore):
    """A mutant: a release always gives the attempt back."""

    def release(self, lease: Lease, *, spend_attempt: bool) -> Any:
        return super().release(lease, spend_attempt=False)


@pytest.mark.parametrize("mutant", [WithoutFence, WithoutAttempts])
def test_the_machine_finds_a_broken_store(make_machine: Any, mutant: type[DynamoJobStore]) -> None:
    quick = settings(
        SETTINGS, stateful_step_count=50, phases=[Phase.generate], database=None, derandomize=True
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(make_machine(mutant), settings=quick)
