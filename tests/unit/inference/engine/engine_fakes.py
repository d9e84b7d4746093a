"""A decoder, a vocabulary and a matcher without a model.

The decoder's logits are a pure function of the tokens that a sequence holds, and of whether each
was computed in a wide piece. So any row that is skipped, computed twice or otherwise than alone,
put into a wrong sequence or taken from a wrong prefix changes an answer.
It also checks what its callers promise: what llama.cpp answers with an abort, it answers with a
`BrokenPromiseError`.
"""

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from zeroidle_inference.engine.decoder import Logits, Row
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.errors import DecodeError, GrammarError
from zeroidle_inference.engine.prefix import PrefixStates
from zeroidle_inference.engine.request import JsonSchema, Prompt, Window
from zeroidle_inference.engine.vocabulary import ModelName, PromptTokens

END = 0
LETTERS = "\0abcdefghijklmnopqrstuvwxyz0123456789 :"
WIDE = 64
"""Added to a token that was computed among `piece_rows` or more of its sequence."""

_END_BONUS = 1.5


class BrokenPromiseError(Exception):
    """The engine did what a decoder's caller must not do."""


def logits_of(tokens: Sequence[int], memory: int | None = None) -> Logits:
    """The logits after these tokens; they depend on the last `memory` of them, or on all."""
    seen = tokens if memory is None else tokens[-memory:]
    random = np.random.default_rng(zlib.crc32(bytes(seen)))
    logits = random.standard_normal(len(LETTERS), np.float32)
    logits[END] += _END_BONUS
    return logits


class FakeDecoder:
    """Holds tokens instead of keys and values."""

    vocabulary_size = len(LETTERS)

    def __init__(
        self,
        *,
        sequences: int,
        context_tokens: int,
        max_rows: int,
        max_logit_rows: int,
        memory: int | None = None,
        piece_rows: int = 1,
    ) -> None:
        self._memory = memory
        self.piece_rows = piece_rows
        self.sequences = sequences
        self.context_tokens = context_tokens
        self.max_rows = max_rows
        self.max_logit_rows = max_logit_rows
        self.held: list[list[int]] = [[] for _ in range(sequences)]
        self.steps: list[list[Row]] = []
        self.loads_fail = False
        self.loads_break = False
        self._is_aborted = False
        self._lent: list[Logits] = []

    @property
    def is_empty(self) -> bool:
        return not any(self.held)

    def decode(self, rows: Sequence[Row]) -> Sequence[Logits]:
        for logits in self._lent:
            logits.fill(np.nan)
        if self._is_aborted:
            self.held = [[END] * (self.context_tokens - 1) for _ in self.held]
            raise DecodeError("the step was aborted")
        _must(0 < len(rows) <= self.max_rows, "rows within max_rows")
        _must(sum(row.wants_logits for row in rows) <= self.max_logit_rows, "logit rows in bounds")
        self.steps.append(list(rows))
        self._lent = []
        width = Counter(row.sequence for row in rows)
        for row in rows:
            held = self.held[row.sequence]
            _must(row.position == len(held), "positions follow on")
            _must(row.position < self.context_tokens, "positions within the context")
            is_wide = 1 < self.piece_rows <= width[row.sequence]
            held.append(row.token + WIDE * is_wide)
            if row.wants_logits:
                self._lent.append(logits_of(held, self._memory))
        return self._lent

    def truncate(self, sequence: int, length: int) -> None:
        del self.held[sequence][length:]

    def clear(self) -> None:
        self.held = [[] for _ in self.held]
        self._is_aborted = False

    def save(self, sequence: int) -> bytes:
        return bytes(self.held[sequence])

    def load(self, sequence: int, state: bytes, *, length: int) -> bool:
        _must(not self.held[sequence], "states are loaded into empty sequences")
        if self.loads_break:
            raise DecodeError("a damaged state cannot be removed again")
        if self.loads_fail or len(state) != length:
            return False
        self.held[sequence] = list(state)
        return True

    def move(self, source: int, target: int) -> bool:
        _must(bool(self.held[source]), "there is something to move")
        _must(not self.held[target], "sequences are moved into empty ones")
        self.held[target], self.held[source] = self.held[source], []
        return True

    def abort(self) -> None:
        self._is_aborted = True


def _must(kept: bool, promise: str) -> None:
    if not kept:
        raise BrokenPromiseError(promise)


class FakeVocabulary:
    """A token is a letter; the messages before a document are what prompts share."""

    end_tokens = frozenset({END})

    def prompt(self, prompt: Prompt) -> PromptTokens:
        messages = self.tokenize("".join(message.text for message in prompt.messages))
        if prompt.document is None:
            return PromptTokens(shared=(), own=messages)
        return PromptTokens(
            shared=messages, own=self.tokenize(prompt.document + prompt.after_document)
        )

    def tokenize(self, text: str) -> tuple[int, ...]:
        return tuple(LETTERS.index(letter) for letter in text)

    def detokenize(self, tokens: Sequence[int]) -> str:
        return "".join(LETTERS[token] for token in tokens)

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        del overlap_tokens
        return [
            Window(start, min(start + max_tokens, len(text)))
            for start in range(0, len(text), max_tokens)
        ]


class PatternMatcher:
    """Follows a pattern such as `a bc d`: an `a`, then `b` or `c`, then a `d`.

    `!` allows nothing, as a schema that cannot be met; `?` fails as a bug would.
    """

    def __init__(self, pattern: str) -> None:
        self._left = pattern.split()
        self._chosen_from = ""

    @property
    def is_complete(self) -> bool:
        return not self._left

    def forced(self) -> Sequence[int]:
        tokens: list[int] = []
        while self._left and len(self._left[0]) == 1 and self._left[0] not in "!?":
            tokens.append(LETTERS.index(self._left.pop(0)))
        return tokens

    def choose(self, logits: Logits) -> int:
        _must(bool(self._left), "a matcher is not asked when nothing may follow")
        choices = self._chosen_from = self._left.pop(0)
        if choices == "!":
            raise GrammarError("nothing is allowed")
        return max((LETTERS.index(letter) for letter in choices), key=lambda i: float(logits[i]))

    def undo(self) -> None:
        self._left.insert(0, self._chosen_from)

    def allows(self, tokens: Sequence[int]) -> int:
        count = 0
        for token, choices in zip(tokens, self._left, strict=False):
            if LETTERS[token] not in choices:
                break
            count += 1
        return count


def pattern_matcher(grammar: JsonSchema) -> PatternMatcher:
    """The matcher of `JsonSchema({"pattern": …})`."""
    return PatternMatcher(grammar.schema["pattern"])


class Ticks:
    """A clock that moves by a second at each look."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += 1
        return self._now_s


def engine_on(decoder: FakeDecoder, *, prefix_bytes: int = 1 << 20) -> Engine:
    """An engine over fakes."""
    return Engine(
        decoder=decoder,
        vocabulary=FakeVocabulary(),
        matcher=pattern_matcher,
        prefixes=PrefixStates(max_bytes=prefix_bytes),
        identity=ModelName("letters", "0" * 64, "F32"),
        now_s=Ticks(),
    )


def roomy_decoder(
    *, sequences: int = 4, max_rows: int = 32, memory: int | None = None
) -> FakeDecoder:
    """A decoder that nothing in a short test can fill."""
    return FakeDecoder(
        sequences=sequences,
        context_tokens=400,
        max_rows=max_rows,
        max_logit_rows=max_rows,
        memory=memory,
    )
