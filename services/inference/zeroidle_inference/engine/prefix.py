"""Shared prefixes: computed once, kept as saved states, loaded into each sequence that begins so.

A state fits any sequence, so a kept prefix occupies no sequence of the decoder; loading one costs
a copy of its keys and values, about a hundredth of computing them.
"""

from collections import OrderedDict

MIN_TOKENS = 16
"""Below this a prefix costs less to compute than to keep."""

Tokens = tuple[int, ...]


class PrefixStates:
    """Saved states by their tokens; the least recently used leave when `max_bytes` is passed."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._states: OrderedDict[Tokens, bytes] = OrderedDict()

    def get(self, tokens: Tokens) -> bytes | None:
        """A prefix's state, if it is kept."""
        state = self._states.get(tokens)
        if state is not None:
            self._states.move_to_end(tokens)
        return state

    def put(self, tokens: Tokens, state: bytes) -> None:
        """Keep a prefix's state."""
        self.discard(tokens)
        self._states[tokens] = state
        self._bytes += len(state)
        while self._bytes > self._max_bytes and len(self._states) > 1:
            _, dropped = self._states.popitem(last=False)
            self._bytes -= len(dropped)

    def discard(self, tokens: Tokens) -> None:
        """Forget a prefix."""
        dropped = self._states.pop(tokens, None)
        if dropped is not None:
            self._bytes -= len(dropped)

    def __contains__(self, tokens: object) -> bool:
        """Whether a prefix is kept."""
        return tokens in self._states
