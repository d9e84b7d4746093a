"""How good the answers are: `python -m zeroidle_inference.bench.evaluate`, or `make eval`.

Labelled sets (`labelled/`), the real tasks on the real engine, and beside them the same model asked
the naive way. The test part is never used for a prompt or a calibration.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    Entity,
    Extract,
    ExtractOutput,
    NamedSchema,
    Output,
    Redact,
    RedactOutput,
    Task,
)
from zeroidle_inference import tasks
from zeroidle_inference.bench import scoring
from zeroidle_inference.bench.labelled.invoices import invoices
from zeroidle_inference.bench.labelled.letters import letters
from zeroidle_inference.bench.labelled.reviews import Mix, reviews
from zeroidle_inference.bench.naive import Naive
from zeroidle_inference.bench.report import table, write
from zeroidle_inference.bench.scoring import Metric
from zeroidle_inference.calibrate import Floats, Labelled, requests_for, score
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.load import load
from zeroidle_inference.engine.request import Answer, Scores, Timing, TokenUsage
from zeroidle_inference.tasks import TaskError, TaskSteps

ITEMS = 200
NAIVE_ITEMS = 40
"""Of the generating tasks: the naive way needs five seconds and more for each."""

CONTEXT_TOKENS = 2048
SEQUENCES = 16
COLUMNS = ("task", "system", "metric", "value", "items")
REVIEWS: Classify = Classify(
    labels=("positive", "negative"), instruction="Decide whether the customer is satisfied."
)
"""As in `samples/reviews`: a calibration belongs to the wording."""

MODEL = Path("build/models/SmolLM2-135M-Instruct.Q4_0.gguf")
Row = dict[str, Any]


def main() -> None:
    """Run what was asked for; print a table, or JSON; write `build/bench/eval.json`."""
    arguments = _arguments()
    threads = len(os.sched_getaffinity(0))
    engine = load(
        arguments.model, threads=threads, context_tokens=CONTEXT_TOKENS, max_sequences=SEQUENCES
    )
    naive = None if arguments.no_naive else Naive(arguments.model, threads=threads)
    rows: list[Row] = []
    for name in arguments.tasks.split(","):
        started_s = time.monotonic()
        rows += EVALUATIONS[name](engine, naive, arguments.items)
        sys.stderr.write(f"{name}: {time.monotonic() - started_s:.0f} s\n")
    path = write("eval", rows)
    sys.stdout.write(json.dumps(rows) if arguments.json else table(rows, COLUMNS))
    sys.stderr.write(f"\nwritten to {path}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", default=",".join(EVALUATIONS), help="default: all of them")
    parser.add_argument("--items", type=int, default=ITEMS, help="of each set, at most")
    parser.add_argument("--model", type=Path, default=MODEL, help="the GGUF")
    parser.add_argument("--no-naive", action="store_true", help="ours alone")
    parser.add_argument("--json", action="store_true", help="rows as JSON on standard output")
    arguments = parser.parse_args()
    unknown = set(arguments.tasks.split(",")) - set(EVALUATIONS)
    if unknown:
        parser.error(
            f"no such task: {', '.join(sorted(unknown))}; there are {', '.join(EVALUATIONS)}"
        )
    return arguments


def classify(engine: Engine, naive: Naive | None, items: int) -> list[Row]:
    """Sentiment, on a balanced mix and on one of four fifths positive reviews."""
    mixes: dict[Mix, list[Labelled]] = {
        "balanced": reviews("balanced", items),
        "skewed": reviews("skewed", items),
    }
    texts = sorted({review.text for sample in mixes.values() for review in sample})
    scores = dict(zip(texts, score(requests_for(REVIEWS, texts, engine), engine), strict=True))
    outputs = {text: _classified(text, scores[text], engine) for text in texts}
    said = {text: naive.sentiment(text) for text in texts} if naive is not None else {}
    rows: list[Row] = []
    for mix, sample in mixes.items():
        truth = [review.label for review in sample]
        answers = [outputs[review.text] for review in sample]
        raw = [REVIEWS.labels[scores[review.text].argmax()] for review in sample]
        found = [
            scoring.accuracy([answer.label for answer in answers], truth),
            scoring.expected_calibration_error([each.probabilities for each in answers], truth),
            scoring.accuracy(raw, truth, name="accuracy, uncalibrated"),
        ]
        rows += _rows(f"classify, {mix}", "zeroidle", found)
        if said:
            labels = [said[review.text] for review in sample]
            rows += _rows(f"classify, {mix}", "naive JSON", [scoring.accuracy(labels, truth)])
    return rows


def _classified(text: str, log_probabilities: Floats, engine: Engine) -> ClassifyOutput:
    """What the task makes of scores that are known already."""
    steps = tasks.start(REVIEWS, text, engine.text_model)
    next(steps)
    output: Output | None = None
    try:
        steps.send([Scores(tuple(log_probabilities), TokenUsage(), Timing(0, 0, 0, 0))])
    except StopIteration as stop:
        output = stop.value
    assert isinstance(output, ClassifyOutput)  # noqa: S101 - of a classify task
    return output


def extract(engine: Engine, naive: Naive | None, items: int) -> list[Row]:
    """Invoices in seven layouts."""
    sample = invoices("test", items)
    truth = [fields for _, fields in sample]
    outputs = run(engine, Extract(json_schema=NamedSchema.INVOICE), [text for text, _ in sample])
    found = [output.data if isinstance(output, ExtractOutput) else None for output in outputs]
    rows = _rows("extract", "zeroidle", scoring.exact_fields(found, truth))
    if naive is not None:
        count = min(NAIVE_ITEMS, items)
        said = [naive.invoice(text) for text, _ in sample[:count]]
        rows += _rows("extract", "naive JSON", scoring.exact_fields(said, truth[:count]))
    return rows


def redact(engine: Engine, naive: Naive | None, items: int) -> list[Row]:
    """Letters from sixteen templates, all kinds of entities asked for."""
    sample = letters("test", items)
    truth = [letter.spans for letter in sample]
    outputs = run(engine, Redact(entities=tuple(Entity)), [letter.text for letter in sample])
    found = [output.spans if isinstance(output, RedactOutput) else () for output in outputs]
    rows = _rows("redact", "zeroidle", scoring.spans(found, truth))
    if naive is not None:
        count = min(NAIVE_ITEMS, items)
        said = [naive.personal(letter.text) for letter in sample[:count]]
        rows += _rows("redact", "naive JSON", scoring.spans(said, truth[:count]))
    return rows


EVALUATIONS: dict[str, Callable[[Engine, Naive | None, int], list[Row]]] = {
    "classify": classify,
    "extract": extract,
    "redact": redact,
}


def _rows(task: str, system: str, metrics: Sequence[Metric]) -> list[Row]:
    return [
        {
            "task": task,
            "system": system,
            "metric": metric.name,
            "value": round(metric.value, 4),
            "items": metric.items,
        }
        for metric in metrics
    ]


def run(engine: Engine, task: Task, documents: Sequence[str]) -> list[Output | TaskError]:
    """The task's output for each document, all at once."""
    job = TypeAdapter[Task](Task).validate_python(task)
    outputs: dict[int, Output | TaskError] = {}
    waves: dict[int, list[int]] = {}
    answers: dict[int, Answer] = {}
    owners: dict[int, int] = {}
    every = [tasks.start(job, document, engine.text_model) for document in documents]

    def go_on(number: int, steps: TaskSteps, given: list[Answer] | None) -> None:
        try:
            wave = next(steps) if given is None else steps.send(given)
        except StopIteration as stop:
            outputs[number] = stop.value
        except TaskError as error:
            outputs[number] = error
        else:
            waves[number] = [engine.submit(request, group=number) for request in wave]
            owners.update(dict.fromkeys(waves[number], number))

    for number, steps in enumerate(every):
        go_on(number, steps, None)
    while engine.has_work:
        for finished in engine.step():
            if finished.answer is None:
                raise finished.error or RuntimeError("a request ended without an answer")
            answers[finished.ticket] = finished.answer
            number = owners[finished.ticket]
            if all(ticket in answers for ticket in waves[number]):
                go_on(number, every[number], [answers.pop(ticket) for ticket in waves[number]])
    return [outputs[number] for number in range(len(documents))]


if __name__ == "__main__":
    main()
