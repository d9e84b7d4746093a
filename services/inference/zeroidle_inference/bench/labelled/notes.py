"""Short notes written by hand, in many styles and eight languages, with every personal span marked.

Chats, log lines, lists and forms, as people type them: they were written to differ from what the
patterns expect, and some hold nothing personal at all. `⟦kind:text⟧` marks a span, `␣` stands for
a no-break space. The test part is only ever counted on.
"""

import re
from importlib import resources

from zeroidle_contract import Entity, Span
from zeroidle_inference.bench.labelled.letters import Letter, Split

_MARK = re.compile(r"⟦(\w+):([^⟧]+)⟧")


def notes(split: Split) -> list[Letter]:
    """All notes of one split."""
    data = (resources.files(__package__) / "data" / "notes.txt").read_text(encoding="utf-8")
    sections = re.split(r"^=== (\w+)\n", data, flags=re.MULTILINE)[1:]
    return [
        _unmarked(body.strip().replace("␣", "\N{NO-BREAK SPACE}"))
        for name, body in zip(sections[::2], sections[1::2], strict=True)
        if name == split
    ]


def _unmarked(marked: str) -> Letter:
    text, position = "", 0
    spans: list[Span] = []
    for mark in _MARK.finditer(marked):
        text += marked[position : mark.start()]
        spans.append(Span(start=len(text), end=len(text) + len(mark[2]), entity=Entity(mark[1])))
        text += mark[2]
        position = mark.end()
    return Letter(text + marked[position:], tuple(spans))
