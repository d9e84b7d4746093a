"""What the engine asks of a loaded model: text to tokens and back. Knows nothing of llama.cpp."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zeroidle_inference.engine.request import Prompt, Window


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model file this is."""

    name: str
    sha256: str
    quantisation: str


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt's tokens: the part shared with other prompts first, then its own."""

    shared: tuple[int, ...]
    own: tuple[int, ...]

    def __len__(self) -> int:
        """All tokens."""
        return len(self.shared) + len(self.own)


class Vocabulary(Protocol):
    """A model's tokens and chat format; `LoadedModel` is one."""

    @property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ...

    def prompt(self, prompt: Prompt) -> PromptTokens:
        """A prompt's tokens, in the model's own chat format."""
        ...

    def tokenize(self, text: str) -> tuple[int, ...]:
        """A plain text's tokens."""
        ...

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        ...

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        """See `TextModel.split`."""
        ...
