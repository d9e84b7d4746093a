"""Prompt lookup: what followed the newest tokens earlier is a guess at what follows now.

Answers that copy from their document are guessed well, and a guess is verified in the same step as
the token before it (Saxena 2023, prompt lookup decoding). Knows nothing of grammars or logits.
"""

from collections.abc import Sequence

MATCH_TOKENS = 3
"""So many tokens must have stood together before. Two are too often chance."""

FIRST_LENGTH = 3
LONGEST = 8
"""Of one guess. A row costs half of what a lone one does even at the best width, so a guess pays
only if most of it is right."""

PAUSE_STEPS = 8
"""After a guess of which nothing was right."""


class Drafts:
    """One answer's guesses: longer while they come true, none for a while after one that failed."""

    def __init__(self) -> None:
        self._length = FIRST_LENGTH
        self._pause_steps = 0
        self._indexed = MATCH_TOKENS
        # Where the text went on after these tokens, the last time.
        self._continuations: dict[tuple[int, ...], int] = {}

    def propose(self, tokens: Sequence[int], *, at_most: int) -> list[int]:
        """A guess at what follows `tokens`, or none."""
        if self._pause_steps or at_most < 1:
            self._pause_steps = max(self._pause_steps - 1, 0)
            return []
        for end in range(self._indexed, len(tokens)):
            self._continuations[tuple(tokens[end - MATCH_TOKENS : end])] = end
        self._indexed = max(self._indexed, len(tokens))
        start = self._continuations.get(tuple(tokens[-MATCH_TOKENS:]))
        return [] if start is None else list(tokens[start : start + min(self._length, at_most)])

    def learn(self, *, offered: int, taken: int) -> None:
        """How much of a guess came true."""
        if taken == offered:
            self._length = min(2 * self._length, LONGEST)
        elif taken == 0:
            self._length = FIRST_LENGTH
            self._pause_steps = PAUSE_STEPS
