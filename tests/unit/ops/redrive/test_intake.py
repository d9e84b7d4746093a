"""Finding a plan's letters among others: what is taken, hidden, deleted on sight, released."""

from collections.abc import Iterable
from typing import Any, cast

from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.intake import Intake
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.plan import Entry


class FakeTransfer:
    """Hands out given answers, then nothing."""

    def __init__(self, *answers: list[Letter]) -> None:
        self._answers = list(answers)
        self.deleted: list[str] = []
        self.released: list[str] = []

    def receive(self, *, calls: int, hide_s: int, wait_s: int) -> list[Letter]:
        return self._answers.pop(0) if self._answers else []

    def delete(self, receipt_handles: Iterable[str]) -> int:
        self.deleted += receipt_handles
        return 0

    def release(self, receipt_handles: Iterable[str]) -> None:
        self.released += receipt_handles


def make_letter(name: str, *, sent_ms: int = 0, cause: str = "f", plan: str = "") -> Letter:
    attributes = {"fingerprint": {"t": "String", "v": cause}}
    if plan:
        attributes["redrive_plan"] = {"t": "String", "v": plan}
    return Letter(
        message_id=name,
        receipt_handle=f"receipt of {name}",
        body=name,
        attributes=attributes,
        sent_ms=sent_ms,
        receive_count=1,
    )


def make_index(*letters: Letter) -> PlanIndex:
    return PlanIndex(
        Entry(
            message_id=letter.message_id,
            body_sha256=letter.body_sha256,
            sent_ms=letter.sent_ms,
            code="internal",
            fingerprint=letter.fingerprint,
            task=None,
            tenant=None,
            job_id=None,
            attempts=None,
            redrive_count=0,
            attributes={},
            trace_header=None,
        )
        for letter in letters
    )


def make_intake(transfer: FakeTransfer, index: PlanIndex, *, keeps_on: bool = True) -> Intake:
    return Intake(
        transfer=cast("Any", transfer),
        index=index,
        hide_s=60,
        began_ms=1000,
        is_own_refailure=lambda letter: letter.redrive_plan == "p",
        keep_on=lambda: keeps_on,
    )


def names(taken: list[tuple[int, Letter]]) -> list[str]:
    return [letter.message_id for _, letter in taken]


def test_the_oldest_at_hand_go_first() -> None:
    old, young = make_letter("old", sent_ms=1), make_letter("young", sent_ms=9)
    intake = make_intake(FakeTransfer([young, old]), make_index(young, old))

    intake.fill(2)

    assert names(intake.take(1)) == ["old"]
    intake.close()


def test_a_canary_takes_of_every_cause_in_turn() -> None:
    letters = [make_letter(f"a{n}", cause="a", sent_ms=n) for n in range(5)]
    letters += [make_letter("b0", cause="b", sent_ms=99)]
    intake = make_intake(FakeTransfer(letters), make_index(*letters))

    intake.fill(6)

    assert sorted(names(intake.take_of_each(3))) == ["a0", "a1", "b0"]
    intake.close()


def test_letters_of_others_are_hidden_and_released_at_the_end() -> None:
    mine, other = make_letter("mine"), make_letter("other")
    transfer = FakeTransfer([mine, other])
    intake = make_intake(transfer, make_index(mine))

    intake.fill(2)
    taken = intake.take(2)
    before = list(transfer.released)
    intake.close()

    assert (names(taken), before) == (["mine"], [])
    assert transfer.released == ["receipt of other"]


def test_a_letter_with_another_body_than_planned_is_not_the_plans() -> None:
    planned = make_letter("m")
    swapped = Letter(
        message_id="m", receipt_handle="r", body="other", attributes={}, sent_ms=0, receive_count=1
    )
    intake = make_intake(FakeTransfer([swapped]), make_index(planned))

    assert not intake.fill(1)
    intake.close()


def test_what_the_ledger_knows_as_sent_is_deleted_on_sight() -> None:
    letter = make_letter("m")
    transfer, index = FakeTransfer([letter]), make_index(letter)
    index.done([0])

    assert not make_intake(transfer, index).fill(1)

    assert transfer.deleted == ["receipt of m"]


def test_a_letter_received_twice_is_taken_once_by_its_newest_receipt() -> None:
    first = make_letter("m")
    again = Letter(
        message_id="m", receipt_handle="new", body="m", attributes={}, sent_ms=0, receive_count=2
    )
    intake = make_intake(FakeTransfer([first], [again]), make_index(first, make_letter("n")))

    intake.fill(2)

    [(_, taken)] = intake.take(2)
    assert taken.receipt_handle == "new"


def test_newcomers_are_counted_and_its_own_refailures_are_none() -> None:
    mine = make_letter("mine")
    letters = [
        make_letter("newcomer", sent_ms=2000),
        make_letter("of before", sent_ms=1),
        make_letter("refailure", sent_ms=2000, plan="p"),
    ]
    intake = make_intake(FakeTransfer(letters), make_index(mine))

    intake.fill(1)

    assert intake.newcomers == 1
    intake.close()


def test_a_stop_ends_the_search() -> None:
    letter = make_letter("m")
    intake = make_intake(FakeTransfer([letter]), make_index(letter), keeps_on=False)

    assert not intake.fill(1)
