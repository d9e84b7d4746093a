"""Archive, ledger, send, ledger, delete, ledger: laws that hold wherever a crash falls."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

from hypothesis import given
from hypothesis import strategies as st

from zeroidle_ops.redrive.archive import Archived
from zeroidle_ops.redrive.chunk import Chunk, Purpose, Step
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.mover import Mover
from zeroidle_ops.redrive.plan import Entry
from zeroidle_ops.redrive.transfer import Outgoing


class Crash(Exception):  # noqa: N818 - it is no error of anybody
    """The process dies here."""


class Account:
    """What outlives a process. Every call may be the last: before its effect, or after it."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self.dead_letters = {letter.receipt_handle: letter for letter in letters}
        self.sent = Counter[str]()
        self.archive: dict[str, list[Archived]] = {}
        self.rows: dict[str, Chunk] = {}
        self.calls_left: int | None = None
        self.after = False

    def call(self, effect: Any) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0 or (self.calls_left == 0 and not self.after):
                raise Crash
        effect()
        if self.calls_left == 0:
            raise Crash

    def is_archived(self, message_id: str) -> bool:
        return any(
            one.letter.message_id == message_id for many in self.archive.values() for one in many
        )


class FakeArchive:
    def __init__(self, account: Account) -> None:
        self._account = account

    def write(self, plan_id: str, chunk: str, archived: Sequence[Archived]) -> str:
        key = f"{plan_id}/{chunk}/{len(self._account.archive)}"
        self._account.call(lambda: self._account.archive.update({key: list(archived)}))
        return key

    def read(self, key: str) -> list[Archived]:
        return self._account.archive[key]


class FakeLedger:
    """Refuses what the protocol does not allow."""

    NEXT: ClassVar = {
        Step.PLANNED: {Step.SENT},
        Step.SENT: {Step.DELETED},
        Step.DELETED: set[Step](),
    }

    def __init__(self, account: Account) -> None:
        self._account = account

    def plan_chunk(self, chunk: Chunk, lock: object) -> bool:
        assert chunk.name not in self._account.rows
        assert chunk.archive_key in self._account.archive, "archived before it is planned"
        self._account.call(lambda: self._account.rows.update({chunk.name: chunk}))
        return True

    def advance(self, chunk: Chunk) -> None:
        before = self._account.rows[chunk.name]
        assert chunk.step in self.NEXT[before.step]
        self._account.call(lambda: self._account.rows.update({chunk.name: chunk}))

    def chunks(self) -> Iterable[Chunk]:
        return [self._account.rows[name] for name in sorted(self._account.rows)]


class FakeTransfer:
    """Its route's destination is a name; sends and deletes take effect one by one."""

    class _Route:
        class destination:  # noqa: N801 - an attribute of a route
            url = "queue"

    route = _Route

    def __init__(self, account: Account) -> None:
        self._account = account

    def send(self, messages: Iterable[Outgoing], *, to_url: str) -> set[int]:
        taken = set()
        for message in messages:
            assert self._account.is_archived(message.body), "archived before it is sent"
            self._account.call(lambda body=message.body: self._account.sent.update([body]))
            taken.add(message.ticket)
        return taken

    def delete(self, receipt_handles: Iterable[str]) -> int:
        for receipt in receipt_handles:
            letter = self._account.dead_letters.get(receipt)
            assert letter is None or self._account.sent[letter.message_id], "sent before deleted"
            self._account.call(lambda r=receipt: self._account.dead_letters.pop(r, None))
        return 0


class NoLock:
    def renew(self) -> None:
        pass


class NoRows:
    def read(self, job_keys: Iterable[str | None]) -> dict[str, Any]:
        return {}


def make_letter(number: int) -> Letter:
    return Letter(
        message_id=f"m{number}",
        receipt_handle=f"r{number}",
        body=f"m{number}",
        attributes={},
        sent_ms=number,
        receive_count=1,
    )


def make_entry(letter: Letter) -> Entry:
    return Entry(
        message_id=letter.message_id,
        body_sha256=letter.body_sha256,
        sent_ms=letter.sent_ms,
        code="internal",
        fingerprint="f",
        task=None,
        tenant=None,
        job_id=None,
        attempts=None,
        redrive_count=0,
        attributes={},
        trace_header=None,
    )


def run(account: Account, letters: Sequence[Letter], chunk: int) -> PlanIndex:
    """A process: recovers, then moves what it finds in the queue, some at a time."""
    index = PlanIndex(make_entry(letter) for letter in letters)
    mover = Mover(
        plan_id="p",
        purpose=Purpose.APPLY,
        operator="o",
        index=index,
        transfer=cast("Any", FakeTransfer(account)),
        rows=cast("Any", NoRows()),
        archive=cast("Any", FakeArchive(account)),
        ledger=cast("Any", FakeLedger(account)),
        lock=cast("Any", NoLock()),
        max_redrives=3,
    )
    with mover:
        mover.recover()
        found = list(account.dead_letters.values())
        at_hand = [
            (place, letter)
            for letter in found
            if (place := index.place(letter)) is not None and index.is_open(place)
        ]
        for start in range(0, len(at_hand), chunk):
            mover.move(at_hand[start : start + chunk])
    return index


@given(
    count=st.integers(1, 12),
    chunk=st.integers(1, 5),
    crashes=st.lists(st.tuples(st.integers(1, 45), st.booleans()), max_size=3),
)
def test_whatever_crashes_every_letter_is_archived_sent_and_gone(
    count: int, chunk: int, crashes: list[tuple[int, bool]]
) -> None:
    letters = [make_letter(number) for number in range(count)]
    account = Account(letters)

    for account.calls_left, account.after in crashes:
        try:
            run(account, letters, chunk)
        except Crash:
            continue
    account.calls_left = None
    index = run(account, letters, chunk)

    assert index.open == 0
    assert set(account.sent) == {letter.message_id for letter in letters}
    assert account.dead_letters == {}
    assert all(row.step is Step.DELETED for row in account.rows.values())
    repeated = sum(account.sent.values()) - count
    assert repeated <= chunk * len(crashes)


@given(count=st.integers(1, 12), chunk=st.integers(1, 5))
def test_without_a_crash_every_letter_is_sent_once(count: int, chunk: int) -> None:
    letters = [make_letter(number) for number in range(count)]
    account = Account(letters)

    run(account, letters, chunk)

    assert account.sent == Counter({letter.message_id: 1 for letter in letters})


@given(kill_at=st.integers(1, 40))
def test_what_the_ledger_knows_as_sent_is_never_sent_again(kill_at: int) -> None:
    letters = [make_letter(number) for number in range(6)]
    account = Account(letters)
    account.calls_left = kill_at
    with suppress(Crash):
        run(account, letters, 2)
    known = {
        one.letter.message_id
        for row in account.rows.values()
        if row.step is not Step.PLANNED
        for one in account.archive[row.archive_key]
    }

    account.calls_left = None
    run(account, letters, 2)

    assert {account.sent[message_id] for message_id in known} <= {1}
