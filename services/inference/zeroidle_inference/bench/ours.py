"""Our side of the benchmarks, in a process of its own: `python -m zeroidle_inference.bench.ours`.

Reads a line of JSON, runs its documents through the real tasks and the real engine, all at once,
and answers with a line of JSON: outputs, tokens by kind, seconds, and the efficiency account.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from zeroidle_contract import Task
from zeroidle_inference import tasks
from zeroidle_inference.bench.efficiency import (
    Account,
    CountingDecoder,
    Stopwatch,
    efficiency,
    measure_costs,
    timed,
)
from zeroidle_inference.engine.decoder import Decoder
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.load import load
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Generate,
    Prompt,
    Score,
    TokenUsage,
)
from zeroidle_inference.tasks import TaskSteps


@dataclass
class _Job:
    """One document on its way: its generator, the answers of its wave, and its output."""

    number: int
    steps: TaskSteps
    answers: dict[int, Answer] = field(default_factory=dict)
    tickets: list[int] = field(default_factory=list)
    is_scoring: bool = False
    output: Any = None


def _user(text: str) -> Prompt:
    return Prompt((ChatMessage("user", text),))


class Bench:
    """Runs batches through an engine whose parts are timed from outside."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._decoder = CountingDecoder(engine._decoder)  # noqa: SLF001 - wrapped, not changed
        engine._decoder = cast("Decoder", self._decoder)  # noqa: SLF001
        matcher = timed(engine._matcher, self._add_grammar)  # noqa: SLF001
        engine._matcher = lambda grammar: cast(  # noqa: SLF001
            "Any", Stopwatch(matcher(grammar), self._add_grammar)
        )
        vocabulary = cast("Any", engine._vocabulary)  # noqa: SLF001
        vocabulary.prompt = timed(vocabulary.prompt, self._add_prompts)

    def _add_grammar(self, seconds: float) -> None:
        self._decoder.account.grammar_s += seconds

    def _add_prompts(self, seconds: float) -> None:
        self._decoder.account.prompts_s += seconds

    def run(self, task: Task, documents: Sequence[str], pin: int) -> dict[str, Any]:
        """One batch, all documents at once; then the price of a row, now.

        With a `pin` every generated answer has that many tokens, the model's wish to stop ignored.
        """
        account = self._decoder.account = Account()
        usage = TokenUsage()
        by_ticket: dict[int, _Job] = {}
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        jobs = [
            _Job(number, tasks.start(task, document, self._engine.text_model))
            for number, document in enumerate(documents)
        ]
        for job in jobs:
            self._go_on(job, None, pin, by_ticket)
        while self._engine.has_work:
            for finished in self._engine.step():
                if finished.answer is None:
                    raise finished.error or RuntimeError("neither answer nor error")
                usage += finished.answer.usage
                job = by_ticket[finished.ticket]
                job.answers[finished.ticket] = finished.answer
                if len(job.answers) == len(job.tickets):
                    wave = [job.answers[ticket] for ticket in job.tickets]
                    self._go_on(job, wave, pin, by_ticket)
        seconds = time.perf_counter() - started_s
        cpu_s = time.process_time() - started_cpu_s
        if any(job.is_scoring for job in jobs):
            account.dropped_rows = 0  # the scorer rewinds, to score the next choice
        self._decoder.account = Account()
        costs = measure_costs(cast("Decoder", self._decoder))
        return {
            "outputs": [json.loads(job.output.model_dump_json()) for job in jobs],
            "seconds": seconds,
            "cpu_s": cpu_s,
            "output_tokens": usage.forced + usage.sampled,
            "usage": asdict(usage),
            "costs": asdict(costs),
            "account": asdict(account),
            "efficiency": asdict(efficiency(account, costs, seconds)),
        }

    def _go_on(
        self, job: _Job, wave: Sequence[Answer] | None, pin: int, by_ticket: dict[int, _Job]
    ) -> None:
        """Give a job the answers of its wave; submit its next one, or keep its output."""
        try:
            requests = next(job.steps) if wave is None else job.steps.send(wave)
        except StopIteration as stop:
            job.output = stop.value
            return
        job.answers, job.tickets = {}, []
        for asked in requests:
            request = asked
            if isinstance(request, Score):
                job.is_scoring = True
            elif pin:
                request = replace(request, max_tokens=pin, ignore_end=True)
            ticket = self._engine.submit(request, group=job.number)
            job.tickets.append(ticket)
            by_ticket[ticket] = job

    def run_shape(self, prompt_tokens: int, answer_tokens: int, width: int) -> dict[str, Any]:
        """Free generation of `width` sequences that share nothing, all at once.

        `llama-batched-bench` computes a row for each answer token; a sampler has the first from the
        prompt's last row, so one more is sampled here.
        """
        model = self._engine.text_model
        filler = "The quick brown fox jumps over the lazy dog. " * prompt_tokens
        tokens = 0
        started_s = time.perf_counter()
        for number in range(width):
            around = model.prompt_tokens(_user(""))
            text = f"{number}. {filler}"
            prompt = _user(text[: model.split(text, prompt_tokens - around)[0].end])
            self._engine.submit(Generate(prompt, max_tokens=answer_tokens + 1, ignore_end=True))
            tokens += model.prompt_tokens(prompt) + answer_tokens
        while self._engine.has_work:
            self._engine.step()
        return {"tokens_per_s": tokens / (time.perf_counter() - started_s)}


def main() -> None:
    """Load, say so, and answer line by line."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_inference.bench.ours")
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--context-tokens", required=True, type=int)
    parser.add_argument("--sequences", required=True, type=int)
    parser.add_argument("--memory-mib", type=int, help="the memory there is")
    arguments = parser.parse_args()
    bench = Bench(
        load(
            arguments.model,
            threads=arguments.threads,
            context_tokens=arguments.context_tokens,
            max_sequences=arguments.sequences,
            memory_bytes=arguments.memory_mib and arguments.memory_mib << 20,
        )
    )
    _say({"ready": True})
    for line in sys.stdin:
        batch = json.loads(line)
        if "shape" in batch:
            _say(bench.run_shape(*batch["shape"]))
            continue
        task = TypeAdapter[Task](Task).validate_python(batch["task"])
        _say(bench.run(task, batch["documents"], batch["pin"]))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
