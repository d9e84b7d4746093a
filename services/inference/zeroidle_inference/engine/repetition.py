"""Greedy decoding of small models falls into loops: the same line, list item or digit for ever.

A loop never ends by itself, since the same context gives the same choice. So the token that would
begin one more round is refused once the rounds before it cannot be meant.
"""

from collections.abc import Sequence

LONGEST_CYCLE = 96
SHORT_CYCLE = 8
MIN_REPEATED_TOKENS = 24
"""A cycle shorter than `SHORT_CYCLE` must fill this many tokens, or it may be a number or a rule
of dashes; a longer one is a loop as soon as it stands twice."""


def looping_token(output: Sequence[int]) -> int | None:
    """The token that would continue a loop at the end of `output`, if there is one."""
    for cycle in range(1, min(LONGEST_CYCLE, len(output) // 2) + 1):
        if output[-1] != output[-1 - cycle]:
            continue
        rounds = 2 if cycle >= SHORT_CYCLE else -(-MIN_REPEATED_TOKENS // cycle)
        repeated = cycle * (rounds - 1)
        if len(output) >= repeated + cycle and all(
            output[-i] == output[-i - cycle] for i in range(1, repeated + 1)
        ):
            return output[-cycle]
    return None
