"""Greedy decoding can fall into a loop: the same line, list item or digit for ever.

A loop never ends by itself, since the same context gives the same choice. But an answer may rightly
say a thing twice and more: a refrain, a row of zeros, two equal lines of an invoice. So only what
stood many times in immediate succession is taken for a loop, and nothing that was written is taken
away. Free text ends there, and counts as cut short. Under a grammar the answer must be completed:
the token that would begin one more round is refused, and a list of equal items is closed.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

LONGEST_CYCLE = 96
MIN_ROUNDS = 8
MIN_TOKENS = 64
"""What the rounds must fill, so that neither a number nor a rule of dashes is a loop."""

MAX_EQUAL_ITEMS = 4
"""Equal items in a row, after which a list is closed."""

_LETTER = re.compile(r"[^\W\d_]")


def find_loop(output: Sequence[int]) -> int | None:
    """The length of the cycle that stands at the end of `output` again and again, if one does."""
    for cycle in range(1, min(LONGEST_CYCLE, len(output) // MIN_ROUNDS) + 1):
        length = max(MIN_ROUNDS * cycle, MIN_TOKENS)
        if len(output) >= length and all(
            output[-i] == output[-i - cycle] for i in range(1, length - cycle + 1)
        ):
            return cycle
    return None


@dataclass(slots=True)
class _Container:
    is_list: bool
    start: int
    items: list[str] = field(default_factory=list)


class JsonLists:
    """Follows a JSON answer, piece by piece, and knows when one of its lists goes in circles.

    It does if its newest items are equal, `MAX_EQUAL_ITEMS` of them. Items without a letter in
    their values are left alone: a list of numbers may well say one many times.
    """

    def __init__(self) -> None:
        self._text = ""
        self._in_string = False
        self._is_escaped = False
        self._open: list[_Container] = []

    def add(self, piece: str) -> None:
        """Go on with the answer."""
        for character in piece:
            self._step(character)

    def goes_in_circles_after(self, piece: str) -> bool:
        """True if `piece` would lead on to one more item behind so many equal ones."""
        if "," not in piece or not any(container.is_list for container in self._open):
            return False
        text, in_string, is_escaped = self._text, self._in_string, self._is_escaped
        opened = [_Container(c.is_list, c.start, list(c.items)) for c in self._open]
        found = any(self._step(character) for character in piece)
        self._text, self._in_string, self._is_escaped = text, in_string, is_escaped
        self._open = opened
        return found

    def _step(self, character: str) -> bool:
        """Take one character; true if it is the comma behind the last of the equal items."""
        repeats = False
        if self._in_string:
            if self._is_escaped:
                self._is_escaped = False
            elif character == "\\":
                self._is_escaped = True
            elif character == '"':
                self._in_string = False
        elif character == '"':
            self._in_string = True
        elif character in "[{":
            self._open.append(_Container(character == "[", len(self._text) + 1))
        elif character in "]}" and self._open:
            self._open.pop()
        elif character == "," and self._open and self._open[-1].is_list:
            container = self._open[-1]
            item = self._text[container.start :].strip()
            repeats = _repeats(item, container.items)
            container.items.append(item)
            container.start = len(self._text) + 1
        self._text += character
        return repeats


def _repeats(item: str, earlier: Sequence[str]) -> bool:
    before = earlier[-(MAX_EQUAL_ITEMS - 1) :]
    if len(before) < MAX_EQUAL_ITEMS - 1 or any(other != item for other in before):
        return False
    return any(
        isinstance(value, str) and _LETTER.search(value) for value in _leaves(json.loads(item))
    )


def _leaves(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value
