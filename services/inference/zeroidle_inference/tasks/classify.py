"""Classify: each label is scored as the answer; nothing is sampled, so no other answer exists."""

import math
from collections.abc import Sequence

from zeroidle_contract import Classify, ClassifyOutput
from zeroidle_inference.engine.request import ChatMessage, Prompt, Score, Scores, TextModel
from zeroidle_inference.tasks import prompts
from zeroidle_inference.tasks.calibration import calibrated
from zeroidle_inference.tasks.task import TaskSteps

SHORT_INSTRUCTION_CHARACTERS = 200
"""A small model heeds best what stands nearest the answer: so short an instruction follows the
document. A longer one precedes it, where it is computed once for all documents."""


def classify(task: Classify, document: str, model: TextModel) -> TaskSteps:
    """One request; the probabilities are those of the labels, relative to each other."""
    request = Score(prompt=_prompt(task, document.strip()), choices=_as_answers(task.labels))
    (scores,) = yield [request]
    assert isinstance(scores, Scores)  # noqa: S101 - the answer to a Score
    probabilities = _softmax(calibrated(request, scores.log_probabilities, model.sha256))
    best = max(range(len(task.labels)), key=probabilities.__getitem__)
    return ClassifyOutput(
        label=task.labels[best],
        probabilities=dict(zip(task.labels, probabilities, strict=True)),
    )


def _prompt(task: Classify, document: str) -> Prompt:
    instruction = (task.instruction or prompts.CLASSIFY_INSTRUCTION).strip()
    labels = ", ".join(task.labels[:-1]) + f" or {task.labels[-1]}"
    if len(instruction) <= SHORT_INSTRUCTION_CHARACTERS:
        before = prompts.CLASSIFY_BEFORE
        after = prompts.CLASSIFY_AFTER.format(instruction=instruction, labels=labels)
    else:
        before = prompts.CLASSIFY_LONG.format(instruction=instruction)
        after = prompts.CLASSIFY_LONG_AFTER.format(labels=labels)
    return Prompt(messages=(ChatMessage("user", before),), document=document, after_document=after)


def _as_answers(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Begun with a capital, as answers are; as they were where that would make two the same."""
    capitalised = tuple(label[:1].upper() + label[1:] for label in labels)
    return capitalised if len(set(capitalised)) == len(labels) else labels


def _softmax(logarithms: Sequence[float]) -> list[float]:
    largest = max(logarithms)
    weights = [math.exp(value - largest) for value in logarithms]
    return [weight / sum(weights) for weight in weights]
