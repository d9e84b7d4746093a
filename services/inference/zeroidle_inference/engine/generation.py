"""Greedy generation, under a grammar or not, with jump-forward over forced tokens."""

from collections.abc import Callable
from collections.abc import Sequence as Tokens

import numpy as np

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.errors import GrammarError
from zeroidle_inference.engine.grammar import Matcher
from zeroidle_inference.engine.repetition import JsonLists, find_loop
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
        self._surplus = 0
        self._lists = JsonLists()

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
        if self._matcher is None:
            self._chosen = int(logits.argmax())
            self._end_loop(sequence)
        else:
            self._chosen = self._choose(self._matcher, sequence, logits)

    def _end_loop(self, sequence: Sequence) -> None:
        loop = None if self._ignore_end else find_loop(self._output(sequence))
        if loop is not None:
            self._surplus = loop.surplus
            self._chosen = min(self._vocabulary.end_tokens)

    def _choose(self, matcher: Matcher, sequence: Sequence, logits: Logits) -> int:
        output = self._output(sequence)
        loop = None if self._ignore_end else find_loop(output)
        if loop is not None:
            logits[output[-loop.cycle]] = -np.inf
        chosen = matcher.choose(logits)
        # If the grammar has nothing better, it gives a token that was ruled out.
        while logits[chosen] != -np.inf and self._lists.goes_in_circles_after(self._piece(chosen)):
            matcher.undo()
            logits[chosen] = -np.inf
            chosen = matcher.choose(logits)
        return chosen

    def _piece(self, token: int) -> str:
        return self._vocabulary.detokenize([token])

    def _output(self, sequence: Sequence) -> list[int]:
        return sequence.tokens[len(sequence.prompt) :]

    def advance(self, sequence: Sequence) -> Answer | None:
        """See `Goal`."""
        sequence.sampled += 1
        if self._chosen in self._vocabulary.end_tokens:
            return self._answer(sequence, is_cut=False)
        self._extend(sequence, [self._chosen])
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
            self._extend(sequence, forced)
            sequence.forced += len(forced)

    def _extend(self, sequence: Sequence, tokens: Tokens[int]) -> None:
        sequence.extend(tokens)
        if self._matcher is not None:
            self._lists.add("".join(self._piece(token) for token in tokens))

    def _answer(self, sequence: Sequence, *, is_cut: bool) -> Completion:
        output = [
            token for token in self._output(sequence) if token not in self._vocabulary.end_tokens
        ]
        if is_cut:
            output = output[: self._max_tokens]
        if self._surplus:
            output = output[: -self._surplus]
        return Completion(
            text=self._vocabulary.detokenize(output),
            finish_reason="length" if is_cut else "stop",
            usage=sequence.usage(),
            timing=sequence.timing(self._now_s()),
        )
