"""Makes a calibration for a classify task: `python -m zeroidle_inference.calibrate`.

From a labelled sample (JSON lines with `label` and `text`), scale and offsets are fitted so that
the labels' probabilities fit best, each label weighing the same however often it occurs. Without
one, the offsets are those that make texts without content equally likely to have any label.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter

from zeroidle_contract import Classify
from zeroidle_inference import tasks
from zeroidle_inference.engine.engine import Engine
from zeroidle_inference.engine.load import load
from zeroidle_inference.engine.request import Score, Scores
from zeroidle_inference.tasks import calibration
from zeroidle_inference.tasks.calibration import Calibration

CONTENT_FREE = ("N/A", "...", "[document]", "No text.", "-")
CONTEXT_TOKENS = 2048
SEQUENCES = 8
ROUNDS = 2000
SCALE_PULL = 0.01
"""How strongly the scale is held to 1, so that a sample without an error gives no certainty."""

Floats = NDArray[np.float64]


class Labelled(BaseModel):
    """A line of a labelled sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    text: str


def main() -> None:
    """Parse arguments, score, fit, write the model's file."""
    arguments = _arguments()
    task = TypeAdapter[Classify](Classify).validate_json(arguments.task.read_bytes())
    sample = read_sample(arguments.labelled, task.labels) if arguments.labelled else None
    engine = load(
        arguments.model,
        threads=len(os.sched_getaffinity(0)),
        context_tokens=CONTEXT_TOKENS,
        max_sequences=SEQUENCES,
    )
    texts = [item.text for item in sample] if sample is not None else CONTENT_FREE
    requests = requests_for(task, texts, engine)
    scores = score(requests, engine)
    if sample is not None:
        made = fit(scores, [task.labels.index(item.label) for item in sample], task.labels)
    else:
        made = from_content_free(scores, task.labels)
    folder: Path = arguments.to or Path(str(calibration.shipped().folder))
    path = folder / calibration.Shelf(folder).path(engine.identity.sha256).name
    known = calibration.Shelf(folder).read(engine.identity.sha256)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(calibration.written({**known, calibration.key(requests[0]): made}))
    sys.stdout.write(f"{path}  {made.made_from}, {made.texts} texts\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.calibrate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m zeroidle_inference.calibrate --model model.gguf "
        "--labelled sample.jsonl task.json",
    )
    parser.add_argument("task", type=Path, help="a classify task (JSON)")
    parser.add_argument("--model", required=True, type=Path, help="the GGUF")
    parser.add_argument("--labelled", type=Path, help="JSON lines with label and text")
    parser.add_argument("--to", type=Path, help="folder to write to; default: beside the prompts")
    return parser.parse_args()


def read_sample(path: Path, labels: Sequence[str]) -> list[Labelled]:
    """A labelled sample.

    Raises:
        SystemExit: a line has a label the task does not know, or a label has no line.
    """
    sample = [Labelled.model_validate_json(line) for line in path.read_bytes().splitlines()]
    if {item.label for item in sample} != set(labels):
        sys.exit(f"error: the labels in {path} must be just those of the task: {', '.join(labels)}")
    return sample


def requests_for(task: Classify, texts: Iterable[str], engine: Engine) -> list[Score]:
    """What the task asks for each text."""
    waves = [next(tasks.start(task, text, engine.text_model)) for text in texts]
    return [request for wave in waves for request in wave if isinstance(request, Score)]


def score(requests: Iterable[Score], engine: Engine) -> Floats:
    """Log-probabilities: a row for each request, a column for each label."""
    order = [engine.submit(request) for request in requests]
    answers: dict[int, tuple[float, ...]] = {}
    while engine.has_work:
        for finished in engine.step():
            if not isinstance(finished.answer, Scores):
                raise finished.error or TypeError("a Score was not answered by Scores")
            answers[finished.ticket] = finished.answer.log_probabilities
    return np.array([answers[ticket] for ticket in order])


def from_content_free(scores: Floats, labels: Sequence[str]) -> Calibration:
    """Offsets that undo the mean score of texts without content."""
    return Calibration(
        labels=tuple(labels),
        made_from="content-free texts",
        texts=len(scores),
        scale=1.0,
        offsets=tuple(-scores.mean(axis=0)),
    )


def fit(scores: Floats, truth: Sequence[int], labels: Sequence[str]) -> Calibration:
    """Scale and offsets of least cross-entropy, by gradient descent; labels weigh the same."""
    is_label = np.eye(len(labels))[list(truth)]
    weights = is_label @ (1 / is_label.sum(axis=0)) / len(labels)
    scale, offsets = 1.0, -scores.mean(axis=0)
    for _ in range(ROUNDS):
        logits = scale * scores + offsets
        likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
        likelihoods /= likelihoods.sum(axis=1, keepdims=True)
        slope = (likelihoods - is_label) * weights[:, None]
        centred = scores - scores.mean(axis=0)
        scale = max(scale - 0.1 * float((slope * centred).sum() + SCALE_PULL * (scale - 1)), 0.05)
        offsets = offsets - 0.5 * slope.sum(axis=0)
    return Calibration(
        labels=tuple(labels),
        made_from="labelled sample",
        texts=len(scores),
        scale=scale,
        offsets=tuple(offsets),
    )


if __name__ == "__main__":
    main()
