"""A model's chat template, rendered so that no message can speak in the template's own tokens.

The Jinja template comes with the GGUF and is not trusted: it runs in a sandbox. Messages are not
trusted either: the template is rendered around placeholders, and the pieces between them are
returned apart, so that only the template's own text is tokenised with control tokens.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from zeroidle_inference.engine.errors import ModelFileError

MAX_TEMPLATE_CHARACTERS = 200_000
MAX_RENDERED_CHARACTERS = 100_000


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
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda layout: datetime.now(UTC).strftime(layout)
        self._special_tokens = dict(special_tokens)
        self._rendered: dict[tuple[str, ...], tuple[Piece, ...]] = {}
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelFileError(f"the model's chat template does not parse: {error}") from error

    def render(self, roles: Sequence[str]) -> tuple[Piece, ...]:
        """The pieces of a chat with these roles, the assistant's turn opened at the end.

        Raises:
            ModelFileError: the template fails, refuses these roles, or loses a message.
        """
        shape = tuple(roles)
        if shape not in self._rendered:
            self._rendered[shape] = self._render(shape)
        return self._rendered[shape]

    def _render(self, roles: tuple[str, ...]) -> tuple[Piece, ...]:
        nonce = secrets.token_hex(8)
        marks = [f"[zeroidle {nonce} {index}]" for index in range(len(roles))]
        chat = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        try:
            stream = self._template.generate(
                messages=chat, add_generation_prompt=True, **self._special_tokens
            )
            text = "".join(_bounded(stream))
        except ModelFileError:
            raise
        except Exception as error:
            # A foreign program ran: whatever it raised, the model is unusable for this shape.
            raise ModelFileError(
                f"the model's chat template fails on the roles {', '.join(roles)}: {error}"
            ) from error
        pieces: list[Piece] = []
        for index, mark in enumerate(marks):
            before, found, text = text.partition(mark)
            if not found or mark in text:
                raise ModelFileError(
                    f"the model's chat template does not place message {index + 1} once, in order"
                )
            pieces += [Literal(before), Slot(index)]
        return (*pieces, Literal(text))


def _bounded(stream: Iterable[str]) -> Iterator[str]:
    characters = 0
    for part in stream:
        characters += len(part)
        if characters > MAX_RENDERED_CHARACTERS:
            raise ModelFileError("the model's chat template renders without end")
        yield part


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)
