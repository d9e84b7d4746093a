"""Greedy decoding of small models falls into loops: the same line, list item or digit for ever.

A loop never ends by itself, since the same context gives the same choice. Free text ends where its
loop began. Under a grammar the answer must be completed: there the token that would begin one more
round is refused, and a list whose newest item repeats an earlier one is closed.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

LONGEST_CYCLE = 96
SHORT_CYCLE = 8
MIN_REPEATED_TOKENS = 24
"""A cycle shorter than `SHORT_CYCLE` must fill this many tokens, or it may be a number or a rule
of dashes; a longer one is a loop as soon as it stands twice."""

MOST = 2 / 3
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Loop:
    """The last `cycle` tokens repeat those before them, and fill `surplus` tokens in vain."""

    cycle: int
    surplus: int


def find_loop(output: Sequence[int]) -> Loop | None:
    """The loop at the end of `output`, if there is one."""
    for cycle in range(1, min(LONGEST_CYCLE, len(output) // 2) + 1):
        if output[-1] != output[-1 - cycle]:
            continue
        rounds = 2 if cycle >= SHORT_CYCLE else -(-MIN_REPEATED_TOKENS // cycle)
        surplus = cycle * (rounds - 1)
        if not _repeats_itself(output, cycle, surplus):
            continue
        # Sixteen zeros are a cycle of one, not one of eight that stands twice.
        is_short = cycle >= SHORT_CYCLE and any(
            _repeats_itself(output, shorter, cycle) for shorter in range(1, SHORT_CYCLE)
        )
        if not is_short:
            return Loop(cycle, surplus)
    return None


def _repeats_itself(output: Sequence[int], cycle: int, tokens: int) -> bool:
    """Whether each of the last `tokens` is the one that stands `cycle` before it."""
    return len(output) >= tokens + cycle and all(
        output[-i] == output[-i - cycle] for i in range(1, tokens + 1)
    )


@dataclass(slots=True)
class _Container:
    is_list: bool
    start: int
    items: list[str] = field(default_factory=list)


class JsonLists:
    """Follows a JSON answer, piece by piece, and knows when one of its lists goes in circles.

    An item goes in circles if it equals an earlier one of its list, or if it repeats the text of
    the item before it and most of that item's fields. Items without a letter in their values are
    left alone: a list of numbers may well say one twice.
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
        """True if `piece` would lead on from an item that repeats an earlier one to a next item."""
        if "," not in piece or not any(container.is_list for container in self._open):
            return False
        text, in_string, is_escaped = self._text, self._in_string, self._is_escaped
        opened = [_Container(c.is_list, c.start, list(c.items)) for c in self._open]
        found = any(self._step(character) for character in piece)
        self._text, self._in_string, self._is_escaped = text, in_string, is_escaped
        self._open = opened
        return found

    def _step(self, character: str) -> bool:
        """Take one character; true if it is the comma behind an item that repeats another."""
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
    values = list(_leaves(json.loads(item)))
    is_text = [isinstance(value, str) and bool(_LETTER.search(value)) for value in values]
    if not any(is_text) or not earlier:
        return False
    if item in earlier:
        return True
    before = list(_leaves(json.loads(earlier[-1])))
    if len(before) != len(values):
        return False
    same = [left == right for left, right in zip(before, values, strict=True)]
    texts_repeat = all(equal for equal, text in zip(same, is_text, strict=True) if text)
    return texts_repeat and sum(same) >= MOST * len(same)


def _leaves(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value
