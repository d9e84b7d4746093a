"""Classify: each label is scored as the answer; nothing is sampled, so no other answer exists."""

import math

from zeroidle_contract import Classify, ClassifyOutput
from zeroidle_inference.engine.request import ChatMessage, Prompt, Score, Scores
from zeroidle_inference.tasks import prompts
from zeroidle_inference.tasks.task import TaskSteps


def classify(task: Classify, document: str) -> TaskSteps:
    """One request; the probabilities are those of the labels, relative to each other."""
    labels = ", ".join(task.labels)
    instruction = task.instruction or prompts.CLASSIFY_INSTRUCTION
    prompt = Prompt(
        messages=(
            ChatMessage("system", prompts.CLASSIFY_SYSTEM),
            ChatMessage("user", prompts.CLASSIFY.format(instruction=instruction, labels=labels)),
        ),
        document=document.strip(),
        after_document=prompts.CLASSIFY_AFTER.format(labels=labels),
    )
    (scores,) = yield [Score(prompt=prompt, choices=task.labels)]
    assert isinstance(scores, Scores)  # noqa: S101 - the answer to a Score
    probabilities = _softmax(scores.log_probabilities)
    best = max(range(len(task.labels)), key=probabilities.__getitem__)
    return ClassifyOutput(
        label=task.labels[best],
        probabilities=dict(zip(task.labels, probabilities, strict=True)),
    )


def _softmax(logarithms: tuple[float, ...]) -> list[float]:
    largest = max(logarithms)
    weights = [math.exp(value - largest) for value in logarithms]
    return [weight / sum(weights) for weight in weights]
