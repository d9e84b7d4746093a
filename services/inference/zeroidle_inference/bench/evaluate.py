"""How good the answers are: `python -m zeroidle_inference.bench.evaluate`, or `make eval`.

Labelled sets (`labelled/`), the real tasks on the real engine, and beside them the same model asked
the naive way. The test part is never used for a prompt or a calibration.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
    Span,
    Task,
)
from zeroidle_inference import tasks
from zeroidle_inference.bench import scoring
from zeroidle_inference.bench.labelled.invoices import invoices
from zeroidle_inference.bench.labelled.letters import Letter, letters
from zeroidle_inference.bench.labelled.notes import notes
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
"""Of the generating tasks: the naive way needs five seconds and more for each. Beside it stand
ours on those same items."""

CONTEXT_TOKENS = 2048
SEQUENCES = 16
COLUMNS = ("task", "system", "metric", "value", "items")
REVIEWS: Classify = Classify(
    labels=("positive", "negative"), instruction="Decide whether the customer is satisfied."
)
"""As in `samples/reviews`: a calibration belongs to the wording."""

MODEL = Path("build/models/SmolLM2-135M-Instruct.Q4_0.gguf")
Row = dict[str, Any]
OURS, OURS_SAME, NAIVE = "zeroidle", "zeroidle, naive's items", "naive JSON"


@dataclass(frozen=True)
class Asked:
    """The naive way, and how many documents of a generating task it is asked about."""

    model: Naive
    items: int


def main() -> None:
    """Run what was asked for; print a table, or JSON; write `build/bench/eval.json`."""
    arguments = _arguments()
    threads = len(os.sched_getaffinity(0))
    engine = load(
        arguments.model, threads=threads, context_tokens=CONTEXT_TOKENS, max_sequences=SEQUENCES
    )
    naive = (
        Asked(Naive(arguments.model, threads=threads), arguments.naive_items)
        if arguments.naive_items
        else None
    )
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
    parser.add_argument(
        "--naive-items",
        type=int,
        default=NAIVE_ITEMS,
        help="documents to extract from and redact the naive way too; 0 is ours alone",
    )
    parser.add_argument("--json", action="store_true", help="rows as JSON on standard output")
    arguments = parser.parse_args()
    unknown = set(arguments.tasks.split(",")) - set(EVALUATIONS)
    if unknown:
        parser.error(
            f"no such task: {', '.join(sorted(unknown))}; there are {', '.join(EVALUATIONS)}"
        )
    return arguments


def classify(engine: Engine, naive: Asked | None, items: int) -> list[Row]:
    """Sentiment, on a balanced mix and on one of four fifths positive reviews."""
    mixes: dict[Mix, list[Labelled]] = {
        "balanced": reviews("balanced", items),
        "skewed": reviews("skewed", items),
    }
    texts = sorted({review.text for sample in mixes.values() for review in sample})
    scores = dict(zip(texts, score(requests_for(REVIEWS, texts, engine), engine), strict=True))
    outputs = {text: _classified(text, scores[text], engine) for text in texts}
    said = {text: naive.model.sentiment(text) for text in texts} if naive is not None else {}
    rows: list[Row] = []
    for mix, sample in mixes.items():
        truth = [review.label for review in sample]
        task = f"classify, {mix}"
        for system, probabilities in (
            (OURS, [outputs[review.text].probabilities for review in sample]),
            ("zeroidle, uncalibrated", [_raw(scores[review.text]) for review in sample]),
        ):
            labels = [max(each, key=each.__getitem__) for each in probabilities]
            rows += _rows(task, system, scoring.labels(labels, truth))
            rows += _rows(task, system, [scoring.expected_calibration_error(probabilities, truth)])
        if said:
            labels = [said[review.text] for review in sample]
            certain = [{label: 1.0} for label in labels]
            rows += _rows(task, NAIVE, scoring.labels(labels, truth))
            rows += _rows(task, NAIVE, [scoring.expected_calibration_error(certain, truth)])
        commonest = max(REVIEWS.labels, key=truth.count)
        rows += _rows(task, f"always {commonest}", scoring.labels([commonest] * len(truth), truth))
    return rows


def _raw(log_probabilities: Floats) -> dict[str, float]:
    """What the model itself makes of the labels."""
    weights = [math.exp(value - max(log_probabilities)) for value in log_probabilities]
    return {
        label: weight / sum(weights) for label, weight in zip(REVIEWS.labels, weights, strict=True)
    }


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


def extract(engine: Engine, naive: Asked | None, items: int) -> list[Row]:
    """Invoices in seven layouts."""
    sample = invoices("test", items)
    truth = [fields for _, fields in sample]
    outputs = run(engine, Extract(json_schema=NamedSchema.INVOICE), [text for text, _ in sample])
    found = [output.data if isinstance(output, ExtractOutput) else None for output in outputs]
    rows = _rows("extract", OURS, scoring.exact_fields(found, truth))
    if naive is not None:
        count = min(naive.items, items)
        said = [naive.model.invoice(text) for text, _ in sample[:count]]
        rows += _rows("extract", OURS_SAME, scoring.exact_fields(found[:count], truth[:count]))
        rows += _rows("extract", NAIVE, scoring.exact_fields(said, truth[:count]))
    return rows


def redact(engine: Engine, naive: Asked | None, items: int) -> list[Row]:
    """Letters from sixteen templates, and notes written by hand; asked for all kinds."""
    return [
        *_redacted("redact, letters", letters("test", items), engine, naive),
        *_redacted("redact, notes", notes("test")[:items], engine, naive),
    ]


def _redacted(
    task: str, sample: Sequence[Letter], engine: Engine, naive: Asked | None
) -> list[Row]:
    truth = [letter.spans for letter in sample]
    outputs = run(engine, Redact(entities=tuple(Entity)), [letter.text for letter in sample])
    found: list[Iterable[Span]] = [
        output.spans if isinstance(output, RedactOutput) else () for output in outputs
    ]
    rows = _rows(task, OURS, scoring.spans(found, truth))
    if naive is not None:
        count = min(naive.items, len(sample))
        said = [naive.model.personal(letter.text) for letter in sample[:count]]
        rows += _rows(task, OURS_SAME, scoring.spans(found[:count], truth[:count]))
        rows += _rows(task, NAIVE, scoring.spans(said, truth[:count]))
    return rows


EVALUATIONS: dict[str, Callable[[Engine, Asked | None, int], list[Row]]] = {
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
