"""Greedy generation, under a grammar or not, with jump-forward over forced tokens and drafts.

A draft is appended to the sequence and looked at with the token before it. As far as it says what
is chosen anyway it saves steps; the rest is taken back. So it never changes an answer.
"""

from collections.abc import Callable
from collections.abc import Sequence as Tokens

import numpy as np

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.drafts import Drafts
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
        self._chosen: int | None = None
        self._due: list[int] = []
        """Forced tokens that do not stand in the sequence yet."""
        self._kept = 0
        """Tokens of the sequence that are no draft, or a draft that came true."""
        self._is_settled = False
        self._drafted = 0
        self._drafts = Drafts()
        self._is_in_a_loop = False
        self._lists = JsonLists()

    @property
    def output_tokens(self) -> int:
        """See `Goal`."""
        return self._max_tokens

    def begin(self, sequence: Sequence) -> Answer | None:
        """Put what the grammar forces at the start right behind the prompt.

        Where that is the whole answer, the model need not be asked.

        Raises:
            GrammarError: that alone is longer than the answer may be.
        """
        self._jump_forward(sequence)
        if sequence.forced > self._max_tokens:
            raise GrammarError(
                f"no answer under the schema is as short as the {self._max_tokens} tokens it may be"
            )
        if self._matcher is not None and self._matcher.is_complete:
            return self._answer(sequence, is_cut=False)
        return None

    def observe(self, sequence: Sequence, position: int, logits: Logits) -> None:
        """See `Goal`."""
        if self._is_settled:
            return  # the row of a draft that did not come true
        self._kept = position + 1
        if not self._due:
            self._chosen = self._choose(sequence.tokens[len(sequence.prompt) : self._kept], logits)
        following = self._due[0] if self._due else self._chosen
        if self._kept == len(sequence.tokens) or following != sequence.tokens[self._kept]:
            self._is_settled = True
            return
        self._kept += 1
        self._come_true(sequence)

    def _come_true(self, sequence: Sequence) -> None:
        """The draft's next token is what follows."""
        if self._due:
            self._due.pop(0)
            sequence.forced += 1
        else:
            sequence.sampled += 1
        self._chosen = None
        if self._matcher is None:
            return
        self._lists.add(self._piece(sequence.tokens[self._kept - 1]))
        if not self._due:
            self._due = list(self._matcher.forced())
        self._is_settled = not self._due and self._matcher.is_complete

    def _choose(self, output: list[int], logits: Logits) -> int:
        if self._ignore_end:
            logits[list(self._vocabulary.end_tokens)] = -np.inf
        loop = None if self._ignore_end else find_loop(output)
        if self._matcher is None:
            if loop is None:
                return int(logits.argmax())
            self._is_in_a_loop = True
            return min(self._vocabulary.end_tokens)
        if loop is not None:
            logits[output[-loop]] = -np.inf
        chosen = self._matcher.choose(logits)
        # If the grammar has nothing better, it gives a token that was ruled out.
        while logits[chosen] != -np.inf and self._lists.goes_in_circles_after(self._piece(chosen)):
            self._matcher.undo()
            logits[chosen] = -np.inf
            chosen = self._matcher.choose(logits)
        return chosen

    def _piece(self, token: int) -> str:
        return self._vocabulary.detokenize([token])

    def _output(self, sequence: Sequence) -> list[int]:
        return sequence.tokens[len(sequence.prompt) :]

    def advance(self, sequence: Sequence) -> Answer | None:
        """See `Goal`."""
        self._take_back_draft(sequence)
        if self._due:
            sequence.forced += len(self._due)
            self._extend(sequence, self._due)
            self._due = []
        elif self._chosen is not None:
            sequence.sampled += 1
            if self._chosen in self._vocabulary.end_tokens:
                return self._answer(sequence, is_cut=self._is_in_a_loop)
            self._extend(sequence, [self._chosen])
            self._jump_forward(sequence)
        if self._matcher is not None and self._matcher.is_complete:
            return self._answer(sequence, is_cut=False)
        if len(self._output(sequence)) >= self._max_tokens:
            return self._answer(sequence, is_cut=True)
        self._draft(sequence)
        return None

    def _take_back_draft(self, sequence: Sequence) -> None:
        if self._drafted:
            refused = len(sequence.tokens) - self._kept
            self._drafts.learn(offered=self._drafted, taken=self._drafted - refused)
            sequence.cut(self._kept)
        self._drafted = 0
        self._is_settled = False

    def _draft(self, sequence: Sequence) -> None:
        """Guess what follows, if the step has room, so that one token more still fits behind."""
        if self._ignore_end:
            return
        room = self._max_tokens - len(self._output(sequence)) - 1
        guess = self._drafts.propose(sequence.tokens, at_most=min(sequence.spare_rows, room))
        ends = [i for i, token in enumerate(guess) if token in self._vocabulary.end_tokens]
        guess = guess[: ends[0]] if ends else guess
        if guess and self._matcher is not None:
            guess = guess[: self._matcher.allows(guess)]
        self._drafted = len(guess)
        sequence.draft(guess)

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
        return Completion(
            text=self._vocabulary.detokenize(output),
            finish_reason="length" if is_cut else "stop",
            usage=sequence.usage(),
            timing=sequence.timing(self._now_s()),
        )
