"""What tasks may ask of the model before they submit a request: lengths, and cuts of a text."""

from zeroidle_inference.engine.request import Prompt, Window
from zeroidle_inference.engine.vocabulary import Vocabulary


class EngineTextModel:
    """The engine's `TextModel`."""

    def __init__(self, vocabulary: Vocabulary, context_tokens: int, sha256: str) -> None:
        self._vocabulary = vocabulary
        self.context_tokens = context_tokens
        self.sha256 = sha256

    def prompt_tokens(self, prompt: Prompt) -> int:
        """See `TextModel`."""
        return len(self._vocabulary.prompt(prompt))

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        """See `TextModel`."""
        return self._vocabulary.split(text, max_tokens, overlap_tokens)
