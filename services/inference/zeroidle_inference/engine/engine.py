"""Continuous batching: many requests, one `llama_decode` a step.

    engine.submit(request)                any number, any time
    while engine.has_work:
        for finished in engine.step():    schedule, decode, settle
            ...

Single-threaded but for `abort`. Knows nothing of jobs: a `group` only says which requests belong
together, so that one document's many windows cannot crowd out another's only one.
"""

import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as Listing

from zeroidle_inference.engine.costs import Rates
from zeroidle_inference.engine.decoder import Decoder, Logits, Row
from zeroidle_inference.engine.errors import EngineError, PromptTooLongError
from zeroidle_inference.engine.generation import Generation
from zeroidle_inference.engine.grammar import Matcher
from zeroidle_inference.engine.prefix import MIN_TOKENS, PrefixStates, Tokens
from zeroidle_inference.engine.request import (
    Finished,
    Generate,
    JsonSchema,
    Prompt,
    Request,
    Step,
)
from zeroidle_inference.engine.schedule import (
    Demand,
    least_budget,
    prompt_piece,
    schedule,
)
from zeroidle_inference.engine.scoring import Scoring
from zeroidle_inference.engine.sequence import Goal, Sequence
from zeroidle_inference.engine.text_model import EngineTextModel
from zeroidle_inference.engine.vocabulary import ModelName, Vocabulary

KNEE_ROWS = 16
"""Rows of a step beyond which another one costs nearly as much as in any wider step: drafts are
made only up to there (docs/benchmarks.md has the curve)."""

SIDE_BY_SIDE = 4
"""Answers under way from which on a short forced run goes in step with the others: as many rows at
once as each of them has. llama.cpp computes unequal sequences in passes of their own, and such a
pass costs more than the rows of so short a run do in steps that are made anyway."""

SHORT_RUN_ROWS = 16


class Engine:
    """Runs requests against one decoder."""

    def __init__(
        self,
        *,
        decoder: Decoder,
        vocabulary: Vocabulary,
        matcher: Callable[[JsonSchema], Matcher],
        prefixes: PrefixStates,
        identity: ModelName,
        draft_rows: int = KNEE_ROWS,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`draft_rows`: how wide drafts may make a step; 0 makes none."""
        if decoder.max_logit_rows < decoder.sequences:
            raise EngineError("a step must have logits for each sequence")
        if decoder.max_rows < least_budget(decoder.sequences, decoder.piece_rows):
            raise EngineError("a step must have a row for each sequence and a piece of a prompt")
        self._decoder = decoder
        self._vocabulary = vocabulary
        self._matcher = matcher
        self._prefixes = prefixes
        self.identity = identity
        self._draft_rows = draft_rows
        self._logit_rows = decoder.max_logit_rows // decoder.sequences
        self._narrow_rows = decoder.piece_rows - 1 or decoder.max_rows
        self._now_s = now_s
        self._next_ticket = 0
        self._answered: list[Finished] = []
        """Requests that were answered when they were submitted, until the next step tells."""
        self._waiting: list[Sequence] = []
        self._running: list[Sequence] = []
        self._free_slots = list(range(decoder.sequences))
        self.rates = Rates()
        self.last_step = Step(0, 0)

    @property
    def has_work(self) -> bool:
        """True while a submitted request has not finished."""
        return bool(self._answered or self._waiting or self._running)

    @property
    def sequences(self) -> int:
        """Requests that run at once, at most."""
        return self._decoder.sequences

    @property
    def text_model(self) -> EngineTextModel:
        """What tasks may ask of the model."""
        return EngineTextModel(self._vocabulary, self._decoder.context_tokens, self.identity.sha256)

    def submit(self, request: Request, *, group: int = 0) -> int:
        """Queue a request and return its ticket.

        Raises:
            PromptTooLongError: prompt and answer do not fit one sequence.
            GrammarError: the grammar cannot be compiled.
        """
        prompt = self._vocabulary.prompt(request.prompt)
        sequence = Sequence(self._next_ticket, group, prompt, self._goal(request), self._now_s())
        answer = sequence.begin()
        if not sequence.tokens:
            raise EngineError("the prompt has no tokens")
        if len(prompt) + sequence.goal.output_tokens > self._decoder.context_tokens:
            raise PromptTooLongError(
                f"{len(prompt)} prompt tokens and {sequence.goal.output_tokens} for the answer "
                f"exceed the context of {self._decoder.context_tokens}"
            )
        self._next_ticket += 1
        if answer is None:
            self._waiting.append(sequence)
        else:
            self._answered.append(Finished(sequence.ticket, answer=answer))
        return sequence.ticket

    def prefix_state(self, prompt: Prompt) -> tuple[Tokens, bytes]:
        """A prompt's shared tokens and their state, computed now. For build steps.

        Raises:
            DecodeError: llama.cpp refused.
            EngineError: requests are under way, which hold the decoder's sequences.
        """
        if self.has_work:
            raise EngineError("a prefix state is computed by an engine at rest only")
        tokens = self._vocabulary.prompt(prompt).shared
        rows = [Row(token, position, 0, False) for position, token in enumerate(tokens)]  # noqa: FBT003
        while rows:
            count = prompt_piece(
                len(rows), room=self._decoder.max_rows, piece_rows=self._decoder.piece_rows
            )
            self._decoder.decode(rows[:count])
            del rows[:count]
        state = self._decoder.save(0)
        self._decoder.truncate(0, 0)
        return tokens, state

    def _goal(self, request: Request) -> Goal:
        if isinstance(request, Generate):
            return Generation(
                vocabulary=self._vocabulary,
                matcher=None if request.grammar is None else self._matcher(request.grammar),
                max_tokens=request.max_tokens,
                ignore_end=request.ignore_end,
                now_s=self._now_s,
            )
        return Scoring(
            choices=[self._vocabulary.tokenize(choice) for choice in request.choices],
            end_tokens=self._vocabulary.end_tokens,
            logit_rows=self._logit_rows,
            now_s=self._now_s,
        )

    def cancel(self, ticket: int) -> None:
        """Forget a request; it will not be among the finished. Unknown tickets are ignored."""
        self._answered = [other for other in self._answered if other.ticket != ticket]
        self._waiting = [other for other in self._waiting if other.ticket != ticket]
        for sequence in self._running:
            if sequence.ticket == ticket:
                self._retire(sequence)
                break

    def abort(self) -> None:
        """Make the step under way raise `DecodeError` soon. From any thread."""
        self._decoder.abort()

    def reset(self) -> None:
        """Forget all requests, for instance after a `DecodeError`. Prefixes stay."""
        self._answered.clear()
        self._waiting.clear()
        self._running.clear()
        self._free_slots = list(range(self._decoder.sequences))
        self._decoder.clear()

    def step(self) -> list[Finished]:
        """Advance running requests by one `Decoder.decode`; return those that ended.

        Raises:
            DecodeError: aborted or refused; call `reset` before going on.
        """
        answered, self._answered = self._answered, []
        self._admit()
        self._close_gaps()
        plan = self._schedule()
        self.last_step = Step(len(plan), sum(rows for _, rows in plan))
        logits = self._decode(plan)
        return [*answered, *self._settle(plan, logits)]

    def _admit(self) -> None:
        """Give free slots to waiting requests: fewest running in the group first, then oldest."""
        while self._free_slots and self._waiting:
            running = Counter(sequence.group for sequence in self._running)
            # While a request computes a prefix, others with the same wait: to copy it is cheaper.
            coming = {
                other.prompt.shared for other in self._running if self._is_computing_prefix(other)
            }
            ready = [waiting for waiting in self._waiting if waiting.prompt.shared not in coming]
            if not ready:
                return
            sequence = min(ready, key=lambda waiting: (running[waiting.group], waiting.ticket))
            self._waiting.remove(sequence)
            sequence.slot = self._next_slot()
            self._free_slots.remove(sequence.slot)
            sequence.admitted_s = self._now_s()
            self._running.append(sequence)
            self._load_prefix(sequence)

    def _next_slot(self) -> int:
        """The free slot that leaves no gap between those in use, or closes one."""
        lowest = min((running.slot or 0 for running in self._running), default=0)
        above = [slot for slot in self._free_slots if slot >= lowest]
        return min(above) if above else max(self._free_slots)

    def _close_gaps(self) -> None:
        """Move sequences down until no free slot is between others.

        A decoder may compute neighbours in one pass. A gap would cost each further step another
        one, which is soon more than the copy of a sequence.
        """
        by_slot = {running.slot: running for running in self._running if running.slot is not None}
        while by_slot and max(by_slot) - min(by_slot) >= len(by_slot):
            gap = min(slot for slot in self._free_slots if slot > min(by_slot))
            highest = max(by_slot)
            if by_slot[highest].computed and not self._decoder.move(highest, gap):
                return
            by_slot[gap] = by_slot.pop(highest)
            by_slot[gap].slot = gap
            self._free_slots.remove(gap)
            self._free_slots.append(highest)

    def _is_computing_prefix(self, sequence: Sequence) -> bool:
        shared = sequence.prompt.shared
        return len(shared) >= MIN_TOKENS and sequence.computed < len(shared)

    def _load_prefix(self, sequence: Sequence) -> None:
        shared = sequence.prompt.shared
        # The last row of a prompt is always computed: its logits are not part of a state.
        state = self._prefixes.get(shared) if sequence.prompt.own else None
        if state is None or sequence.slot is None:
            return
        # Out until it has proved good: what fails once must not fail again after a reset.
        self._prefixes.discard(shared)
        if self._decoder.load(sequence.slot, state, length=len(shared)):
            sequence.computed = sequence.cached = len(shared)
            self._prefixes.put(shared, state)

    def _schedule(self) -> list[tuple[Sequence, int]]:
        in_step = self._rows_in_step()
        demands = [
            Demand(self._next_rows(sequence, in_step), sequence.is_prefilling, sequence.waited_rows)
            for sequence in self._running
        ]
        grants = schedule(
            demands, budget=self._decoder.max_rows, piece_rows=self._decoder.piece_rows
        )
        for sequence, rows in zip(self._running, grants, strict=True):
            if not rows and not sequence.is_prefilling:
                sequence.waited_rows += sum(grants)
                if sequence.computed == sequence.known:  # nothing is written yet
                    sequence.first_token_s = None
        return [
            (sequence, rows) for sequence, rows in zip(self._running, grants, strict=True) if rows
        ]

    def _next_rows(self, sequence: Sequence, in_step: int) -> int:
        """Rows that may be computed at once. A prefix ends a step, so that it can be saved."""
        if self._is_computing_prefix(sequence):
            return len(sequence.prompt.shared) - sequence.computed
        if sequence.is_prefilling:
            return sequence.pending
        forced = max(sequence.logits_from - sequence.computed, 0)
        if 0 < forced < SHORT_RUN_ROWS and in_step:
            return in_step
        return min(sequence.pending, forced + self._logit_rows, self._narrow_rows)

    def _rows_in_step(self) -> int:
        """Rows that every answer under way has to compute; 0 if there are too few to matter."""
        pending = [sequence.pending for sequence in self._running if not sequence.is_prefilling]
        return min(pending) if len(pending) >= SIDE_BY_SIDE else 0

    def _decode(self, plan: Listing[tuple[Sequence, int]]) -> Listing[Logits]:
        rows: list[Row] = [row for sequence, count in plan for row in sequence.rows(count)]
        if not rows:
            return []
        started_s = self._now_s()
        logits = self._decoder.decode(rows)
        self.rates.learn(
            rows=len(rows),
            is_prefilling=any(sequence.is_prefilling for sequence, _ in plan),
            seconds=self._now_s() - started_s,
        )
        return logits

    def _settle(
        self, plan: Listing[tuple[Sequence, int]], logits: Listing[Logits]
    ) -> list[Finished]:
        finished: list[Finished] = []
        remaining = iter(logits)
        spare_rows = self._spare_rows()
        for sequence, count in plan:
            first_looked_at = max(sequence.computed, sequence.logits_from)
            sequence.computed += count
            sequence.spare_rows = spare_rows
            looked_at = [
                (position, next(remaining))
                for position in range(first_looked_at, sequence.computed)
            ]
            if sequence.computed == len(sequence.prompt.shared) >= MIN_TOKENS:
                self._save_prefix(sequence)
            try:
                end = self._advance(sequence, looked_at)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends one request alone
                end = Finished(sequence.ticket, error=error)
            if end is not None:
                self._retire(sequence)
                finished.append(end)
        return finished

    def _spare_rows(self) -> int:
        """Rows that each sequence may spend on drafts: none while a prompt fills the steps."""
        if any(sequence.is_prefilling for sequence in self._running) or not self._running:
            return 0
        each = self._draft_rows // len(self._running)
        return max(min(each, self._logit_rows) - 1, 0)

    def _advance(
        self, sequence: Sequence, looked_at: Listing[tuple[int, Logits]]
    ) -> Finished | None:
        for position, logits in looked_at:
            if sequence.first_token_s is None:
                sequence.first_token_s = self._now_s()
            sequence.goal.observe(sequence, position, logits)
        if sequence.pending:
            return None
        computed = sequence.computed
        answer = sequence.goal.advance(sequence)
        if answer is not None:
            return Finished(sequence.ticket, answer=answer)
        if sequence.computed < computed and sequence.slot is not None:
            self._decoder.truncate(sequence.slot, sequence.computed)
        if sequence.computed == len(sequence.tokens):
            raise EngineError("a request has neither an answer nor a token to compute")
        return None

    def _save_prefix(self, sequence: Sequence) -> None:
        if sequence.prompt.shared not in self._prefixes and sequence.slot is not None:
            self._prefixes.put(sequence.prompt.shared, self._decoder.save(sequence.slot))

    def _retire(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        if sequence.slot is not None:
            self._decoder.truncate(sequence.slot, 0)
            self._free_slots.append(sequence.slot)
