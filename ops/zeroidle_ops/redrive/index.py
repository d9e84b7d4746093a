"""A plan's entries while it is carried out: which message is which, and how far each has come.

Holds some thirty bytes for each message, whatever their sizes: a hash of its id, one of its body.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.plan import Entry

_OPEN, _DONE, _KEPT = range(3)
_DIGEST_BYTES = 16


def short_hash(text: str) -> int:
    """64 bits: among a hundred thousand ids two agree once in three thousand million plans."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class PlanIndex:
    """Entries by message id. A chance agreement of two ids is caught by the body's hash."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        hashes, digests = array("Q"), bytearray()
        for entry in entries:
            hashes.append(short_hash(entry.message_id))
            digests += bytes.fromhex(entry.body_sha256)[:_DIGEST_BYTES]
        self._places = array("I", sorted(range(len(hashes)), key=hashes.__getitem__))
        self._hashes = array("Q", (hashes[place] for place in self._places))
        self._digests = bytes(digests)
        self._states = bytearray(len(hashes))
        self.open = len(hashes)

    def __len__(self) -> int:
        return len(self._states)

    def place(self, letter: Letter) -> int | None:
        """The entry of a letter; None for a message that is not in the plan, or not as planned."""
        wanted = short_hash(letter.message_id)
        at = bisect_left(self._hashes, wanted)
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return None
        place = self._places[at]
        planned = self._digests[place * _DIGEST_BYTES : (place + 1) * _DIGEST_BYTES]
        return place if bytes.fromhex(letter.body_sha256)[:_DIGEST_BYTES] == planned else None

    def is_open(self, place: int) -> bool:
        """True while nothing has become of it."""
        return self._states[place] == _OPEN

    def is_done(self, place: int) -> bool:
        """True when the ledger says that it was sent or dropped."""
        return self._states[place] == _DONE

    def done(self, places: Sequence[int]) -> None:
        """These were sent or dropped."""
        self._set(places, _DONE)

    def keep(self, place: int) -> None:
        """This one stays in the queue."""
        self._set((place,), _KEPT)

    def _set(self, places: Sequence[int], state: int) -> None:
        for place in places:
            self.open -= self._states[place] == _OPEN
            self._states[place] = state
