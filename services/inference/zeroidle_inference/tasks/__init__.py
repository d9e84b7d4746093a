"""The five tasks as generators of model requests. Know nothing of AWS or of llama.cpp."""

from zeroidle_contract import Classify, Complete, Extract, Redact, Summarize, Task
from zeroidle_inference.engine.request import TextModel
from zeroidle_inference.tasks.classify import classify
from zeroidle_inference.tasks.complete import complete
from zeroidle_inference.tasks.extract import extract
from zeroidle_inference.tasks.prompts import PROMPT_VERSION
from zeroidle_inference.tasks.summarize import summarize
from zeroidle_inference.tasks.task import TaskError, TaskSteps

__all__ = ["PROMPT_VERSION", "TaskError", "TaskSteps", "start"]


def start(task: Task, document: str | None, model: TextModel) -> TaskSteps:
    """A task's steps. `document` is None only for `complete` without one."""
    text = document or ""
    match task:
        case Classify():
            return classify(task, text, model)
        case Extract():
            return extract(task, text, model)
        case Redact():
            # Compiling its patterns takes a fifteenth of the handler's import, and few redact.
            from zeroidle_inference.tasks.redact import redact  # noqa: PLC0415

            return redact(task, text, model)
        case Summarize():
            return summarize(task, text, model)
        case Complete():
            return complete(task, document, model)
