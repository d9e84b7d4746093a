"""Complete: answer a chat, freely or as JSON."""

from zeroidle_contract import Complete, CompleteOutput, ErrorCode
from zeroidle_inference.engine.request import (
    ChatMessage,
    Generate,
    JsonSchema,
    Prompt,
    TextModel,
)
from zeroidle_inference.tasks.generate import complete_json, completion
from zeroidle_inference.tasks.task import TaskError, TaskSteps


def complete(task: Complete, document: str | None, model: TextModel) -> TaskSteps:
    """One request. The messages before a document are shared by all jobs that have the same."""
    messages = tuple(ChatMessage(message.role, message.content) for message in task.messages)
    if document is not None:
        prompt = Prompt(messages=(*messages, ChatMessage("user", "")), document=document.strip())
    else:
        prompt = Prompt(messages=messages)
    room = model.context_tokens - model.prompt_tokens(prompt)
    if room < task.max_tokens:
        raise TaskError(
            ErrorCode.DOCUMENT_TOO_LONG,
            f"the chat and max_tokens together exceed the {model.context_tokens} context tokens",
        )
    grammar = JsonSchema(task.json_schema) if task.json_schema is not None else None
    (answer,) = yield [Generate(prompt=prompt, max_tokens=task.max_tokens, grammar=grammar)]
    answered = completion(answer)
    if grammar is not None:
        return CompleteOutput(data=complete_json(answered), finish_reason="stop")
    return CompleteOutput(text=answered.text.strip(), finish_reason=answered.finish_reason)
