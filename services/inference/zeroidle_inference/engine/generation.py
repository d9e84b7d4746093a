"""Greedy generation, under a grammar or not, with jump-forward over forced tokens."""

from collections.abc import Callable

import numpy as np

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.grammar import Matcher
from zeroidle_inference.engine.repetition import looping_token
from zeroidle_inference.engine.request import Answer, Completion
from zeroidle_inference.engine.sequence import Sequence
from zeroidle_inference.engine.vocabulary import Vocabulary


class Generation:
    """The `Goal` of a `Generate`."""

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        matcher: Matcher | None,
        max_tokens: int,
        ignore_end: bool,
        now_s: Callable[[], float],
    ) -> None:
        self._vocabulary = vocabulary
        self._matcher = matcher
        self._max_tokens = max_tokens
        self._ignore_end = ignore_end
        self._now_s = now_s
        self._chosen = -1

    @property
    def output_tokens(self) -> int:
        """See `Goal`."""
        return self._max_tokens

    def begin(self, sequence: Sequence) -> None:
        """Put what the grammar forces at the start right behind the prompt.

        Raises:
            GrammarError: that alone is longer than the answer may be.
        """
        self._jump_forward(sequence)
        if sequence.forced > self._max_tokens:
            raise GrammarError(
                f"no answer under the schema is as short as the {self._max_tokens} tokens it may be"
            )

    def observe(self, sequence: Sequence, position: int, logits: Logits) -> None:
        """See `Goal`."""
        del position
        if self._ignore_end:
            logits[list(self._vocabulary.end_tokens)] = -np.inf
        else:
            looping = looping_token(sequence.tokens[len(sequence.prompt) :])
            if looping is not None:
                logits[looping] = -np.inf
        if self._matcher is not None:
            self._chosen = self._matcher.choose(logits)
        else:
            self._chosen = int(logits.argmax())

    def advance(self, sequence: Sequence) -> Answer | None:
        """See `Goal`."""
        sequence.sampled += 1
        if self._chosen in self._vocabulary.end_tokens:
            return self._answer(sequence, is_cut=False)
        sequence.extend([self._chosen])
        self._jump_forward(sequence)
        if self._matcher is not None and self._matcher.is_complete:
            return self._answer(sequence, is_cut=False)
        if len(sequence.tokens) - len(sequence.prompt) >= self._max_tokens:
            return self._answer(sequence, is_cut=True)
        return None

    def _jump_forward(self, sequence: Sequence) -> None:
        if self._matcher is None:
            return
        forced = self._matcher.forced()
        if forced:
            sequence.extend(forced)
            sequence.forced += len(forced)

    def _answer(self, sequence: Sequence, *, is_cut: bool) -> Completion:
        output = [
            token
            for token in sequence.tokens[len(sequence.prompt) :]
            if token not in self._vocabulary.end_tokens
        ]
        if is_cut:
            output = output[: self._max_tokens]
        return Completion(
            text=self._vocabulary.detokenize(output),
            finish_reason="length" if is_cut else "stop",
            usage=sequence.usage(),
            timing=sequence.timing(self._now_s()),
        )
