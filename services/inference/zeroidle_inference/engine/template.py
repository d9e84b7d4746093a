"""A model's chat template, rendered so that no message can speak in the template's own tokens.

The Jinja template comes with the GGUF and is not trusted: it runs in a process with limits.
Messages are not trusted either: the template is rendered around placeholders, and the pieces
between them are returned apart, so that only the template's own text is tokenised with control
tokens.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zeroidle_inference.engine.errors import ModelFileError

MAX_TEMPLATE_CHARACTERS = 200_000
MAX_SECONDS = 20.0
"""Within which a render has ended, whatever the template says and however busy the machine is; the
process has 2 seconds of processor time."""

_PROGRAM = Path(__file__).with_name("template_process.py")
_BETWEEN_MERGED = "\n\n"


@dataclass(frozen=True, slots=True)
class Literal:
    """The template's own text: may hold control tokens."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where message `index` goes: plain text, whatever it says."""

    index: int


Piece = Literal | Slot


class ChatTemplate:
    """Renders a sequence of roles to pieces; each shape of chat is rendered once."""

    def __init__(self, source: str, special_tokens: Mapping[str, str]) -> None:
        if len(source) > MAX_TEMPLATE_CHARACTERS:
            raise ModelFileError("the model's chat template is too large to be one")
        self._source = source
        self._special_tokens = dict(special_tokens)
        self._rendered: dict[tuple[str, ...], tuple[Piece, ...]] = {}

    def render(self, roles: Sequence[str]) -> tuple[Piece, ...]:
        """The pieces of a chat with these roles, the assistant's turn opened at the end.

        Where the template knows no system message, it stands at the beginning of the user's.

        Raises:
            ModelFileError: the template fails, refuses these roles, or loses a message.
        """
        shape = tuple(roles)
        if shape not in self._rendered:
            self._rendered[shape] = self._render(shape)
        return self._rendered[shape]

    def _render(self, roles: tuple[str, ...]) -> tuple[Piece, ...]:
        try:
            return self._pieces(roles)
        except ModelFileError:
            if roles[:2] == ("system", "user"):
                with contextlib.suppress(ModelFileError):
                    return tuple(_merged(self.render(roles[1:])))
            raise

    def _pieces(self, roles: tuple[str, ...]) -> tuple[Piece, ...]:
        nonce = secrets.token_hex(8)
        marks = [f"[zeroidle {nonce} {index}]" for index in range(len(roles))]
        chat = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        text = _run(
            self._source,
            {"messages": chat, "add_generation_prompt": True, **self._special_tokens},
        )
        pieces: list[Piece] = []
        for index, mark in enumerate(marks):
            is_once = text.count(mark) == 1 and not any(
                mark in piece.text for piece in pieces if isinstance(piece, Literal)
            )
            if not is_once:
                raise ModelFileError(
                    f"the model's chat template does not place message {index + 1} of "
                    f"{', '.join(roles)} once, in order"
                )
            before, _, text = text.partition(mark)
            pieces += [Literal(before), Slot(index)]
        return (*pieces, Literal(text))


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces of a chat without its system message, with that put before the first message."""
    merged: list[Piece] = []
    for piece in pieces:
        match piece:
            case Slot(index=0):
                merged += [Slot(0), Literal(_BETWEEN_MERGED), Slot(1)]
            case Slot(index=index):
                merged.append(Slot(index + 1))
            case _:
                merged.append(piece)
    return merged


def _run(source: str, variables: Mapping[str, object]) -> str:
    try:
        process = subprocess.run(  # noqa: S603 - this interpreter and a file of this package
            [sys.executable, "-S", "-P", str(_PROGRAM)],
            input=json.dumps({"source": source, "variables": variables}),
            # Nothing else of the environment: no credentials.
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError("the model's chat template renders without end") from None
    if process.returncode != 0:
        raise ModelFileError("the model's chat template uses more time or memory than any should")
    outcome: dict[str, str] = json.loads(process.stdout)
    if "text" not in outcome:
        raise ModelFileError(f"the model's chat template fails: {outcome['error']}")
    return outcome["text"]
