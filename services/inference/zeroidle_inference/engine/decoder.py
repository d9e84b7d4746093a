"""The seam to the arithmetic: rows of tokens in, logits out.

A decoder keeps the keys and values of many sequences; how it lays them out is its own affair. It
knows nothing of requests, grammars or schedules.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]


class Row(NamedTuple):
    """One token at one position of one sequence."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


class Decoder(Protocol):
    """Computes rows. Not thread-safe, except `abort`."""

    @property
    def vocabulary_size(self) -> int:
        """Entries of one row of logits."""
        ...

    @property
    def sequences(self) -> int:
        """How many sequences can be kept; their ids run from 0."""
        ...

    @property
    def context_tokens(self) -> int:
        """Positions that each sequence can keep. They are its own: no sequence can run out."""
        ...

    @property
    def max_rows(self) -> int:
        """Rows that one `decode` takes."""
        ...

    @property
    def max_logit_rows(self) -> int:
        """How many of a `decode`'s rows may want logits; at least one for each sequence."""
        ...

    @property
    def piece_rows(self) -> int:
        """Rows of one sequence from which on a `decode` rounds them otherwise; 1 if it never does.

        An answer is the same alone and in any batch if each of its rows is always computed the same
        way. So a prompt comes in pieces of at least so many rows, or whole if it is shorter, and
        what follows it in fewer at a time.
        """
        ...

    def decode(self, rows: Sequence[Row]) -> Sequence[Logits]:
        """Compute rows; positions of a sequence must follow on what it holds.

        Returns:
            Logits of the rows that want them, in order; valid until the next call.

        Raises:
            DecodeError: aborted, or refused. The sequences' contents are undefined then.
        """
        ...

    def truncate(self, sequence: int, length: int) -> None:
        """Forget the positions of a sequence from `length` on.

        Raises:
            DecodeError: refused.
        """
        ...

    def clear(self) -> None:
        """Forget all sequences."""
        ...

    def save(self, sequence: int) -> bytes:
        """A sequence's keys and values, to be loaded by the same build and model.

        Raises:
            DecodeError: refused.
        """
        ...

    def load(self, sequence: int, state: bytes, *, length: int) -> bool:
        """Fill an empty sequence with the `length` positions that `save` wrote.

        False, and still empty, if the bytes do not hold just these.

        Raises:
            DecodeError: damaged bytes left something behind; all sequences must be cleared.
        """
        ...

    def move(self, source: int, target: int) -> bool:
        """Give an empty sequence what another one holds, which is empty then.

        False, and nothing done, if that is too much to copy or failed.

        Raises:
            DecodeError: half a copy is left behind; all sequences must be cleared.
        """
        ...

    def abort(self) -> None:
        """Make the `decode` under way, or else the next one, raise. From any thread."""
        ...
