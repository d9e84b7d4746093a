"""Choices scored over a token trie: no token is sampled.

The probability of a choice is the product of its tokens' probabilities, each over the whole
vocabulary. All choices share the row at the end of the prompt; a choice of several tokens costs a
row for each token but its last. If there is one such run of tokens, it is computed together with
the prompt; of several, each takes a step of its own. A choice that begins another counts only if
the answer ends there.
"""

from collections.abc import Callable
from collections.abc import Sequence as Tokens

import numpy as np

from zeroidle_inference.engine.decoder import Logits
from zeroidle_inference.engine.request import Answer, Scores
from zeroidle_inference.engine.sequence import Sequence

Path = tuple[int, ...]


class Scoring:
    """The `Goal` of a `Score`."""

    def __init__(
        self,
        *,
        choices: Tokens[Path],
        end_tokens: frozenset[int],
        logit_rows: int,
        now_s: Callable[[], float],
    ) -> None:
        """`logit_rows`: how many rows of a step may be looked at."""
        self._choices = choices
        self._end_tokens = sorted(end_tokens)
        self._now_s = now_s
        # Trie nodes whose logits are needed, with the tokens looked up there.
        self._wanted: dict[Path, set[int]] = {}
        for choice in choices:
            for depth, token in enumerate(choice):
                self._wanted.setdefault(choice[:depth], set()).add(token)
        self._log_probability: dict[Path, float] = {(): 0.0}
        self._end_log_probability: dict[Path, float] = {}
        self._runs = _longest_runs([path for path in self._wanted if path])
        self._longest_run = max((len(run) for run in self._runs), default=0)
        self._run: Path = ()
        self._logit_rows = logit_rows

    @property
    def output_tokens(self) -> int:
        """See `Goal`."""
        return self._longest_run

    def begin(self, sequence: Sequence) -> Answer | None:
        """See `Goal`."""
        # The prompt's last row is looked at as well.
        if sequence.tokens and len(self._runs) == 1 and self._longest_run < self._logit_rows:
            self._run = self._runs.pop()
            sequence.tokens += self._run
        return None

    def observe(self, sequence: Sequence, position: int, logits: Logits) -> None:
        """See `Goal`."""
        node = self._run[: position + 1 - len(sequence.prompt)]
        base = self._log_probability[node]
        total = _log_sum_exp(logits)
        for token in self._wanted[node]:
            self._log_probability[(*node, token)] = base + float(logits[token]) - total
        if node in self._choices:
            ends = _log_sum_exp(logits[self._end_tokens]) - total
            self._end_log_probability[node] = base + ends

    def advance(self, sequence: Sequence) -> Answer | None:
        """See `Goal`."""
        if self._runs:
            self._run = self._runs.pop()
            sequence.rewind(self._run)
            return None
        return Scores(
            log_probabilities=tuple(
                self._end_log_probability.get(choice, self._log_probability[choice])
                for choice in self._choices
            ),
            usage=sequence.usage(),
            timing=sequence.timing(self._now_s()),
        )


def _longest_runs(nodes: Tokens[Path]) -> list[Path]:
    """The nodes that are no beginning of another: computing these computes all."""
    return [
        node
        for node in nodes
        if not any(other != node and other[: len(node)] == node for other in nodes)
    ]


def _log_sum_exp(values: Logits) -> float:
    largest = float(values.max())
    return largest + float(np.log(np.exp(values - largest).sum(dtype=np.float64)))
