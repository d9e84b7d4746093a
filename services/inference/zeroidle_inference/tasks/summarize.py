"""Summarize: in one go where the document fits, else map and reduce over parts of it."""

import re

from zeroidle_contract import ErrorCode, Summarize, SummarizeOutput
from zeroidle_inference.engine.request import ChatMessage, Completion, Generate, Prompt, TextModel
from zeroidle_inference.tasks import prompts
from zeroidle_inference.tasks.generate import MIN_ANSWER_TOKENS, completion
from zeroidle_inference.tasks.task import TaskError, TaskSteps

TOKENS_PER_WORD = 2
"""Enough for English in every common vocabulary; the cut to `max_words` is by words."""

OVERLAP_TOKENS = 32
SHORT_FOCUS_CHARACTERS = 200
"""A longer focus is not said a second time behind the document."""

MIN_REPEATED_WORDS = 3
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|$)")
_LABEL = re.compile(r"^\s*summary:\s*", re.IGNORECASE)


def summarize(task: Summarize, document: str, model: TextModel) -> TaskSteps:
    """One wave for a document that fits; else waves that each shorten it, until it does."""
    text = document.strip()
    answer_tokens = task.max_words * TOKENS_PER_WORD + MIN_ANSWER_TOKENS
    room = model.context_tokens - model.prompt_tokens(_prompt(task, "")) - answer_tokens
    parts_before: int | None = None
    while True:
        parts = model.split(text, room, OVERLAP_TOKENS) if room > OVERLAP_TOKENS else []
        # Summaries of many parts must be half as long as the parts, and so fewer each round.
        is_shrinking = parts_before is None or len(parts) < parts_before
        can_shrink = len(parts) == 1 or answer_tokens <= (room - OVERLAP_TOKENS) // 2
        if not parts or not can_shrink or not is_shrinking:
            raise TaskError(
                ErrorCode.DOCUMENT_TOO_LONG,
                f"a summary of {task.max_words} words leaves too little of the "
                f"{model.context_tokens} context tokens for the document",
            )
        parts_before = len(parts)
        answers = yield [
            Generate(prompt=_prompt(task, text[part.start : part.end]), max_tokens=answer_tokens)
            for part in parts
        ]
        summaries = [_summary(completion(answer), task.max_words) for answer in answers]
        if len(summaries) == 1:
            return SummarizeOutput(summary=summaries[0])
        text = "\n".join(summaries)


def _prompt(task: Summarize, text: str) -> Prompt:
    focus = prompts.SUMMARIZE_FOCUS.format(focus=task.focus) if task.focus else ""
    instruction = prompts.SUMMARIZE.format(words=task.max_words, focus=focus)
    reminder = prompts.SUMMARIZE_AFTER.format(
        words=task.max_words, focus=focus if len(focus) <= SHORT_FOCUS_CHARACTERS else ""
    )
    return Prompt(
        messages=(ChatMessage("user", instruction),), document=text, after_document=reminder
    )


def _summary(answer: Completion, max_words: int) -> str:
    text = without_repetition(answer.text)
    return cut_to_words(text, max_words, is_ended=answer.finish_reason == "stop")


def without_repetition(text: str) -> str:
    """The text without the sentences that say again what an earlier one said."""
    said: set[str] = set()
    kept: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        piece = text[start : match.end()]
        sentence = " ".join(piece.lower().split())
        if sentence not in said or sentence.count(" ") < MIN_REPEATED_WORDS:
            kept.append(piece)
        said.add(sentence)
        start = match.end()
    return "".join([*kept, text[start:]]).strip()


def cut_to_words(text: str, max_words: int, *, is_ended: bool) -> str:
    """At most `max_words` words: whole sentences if there is one, else the first words.

    A text that the model itself ended is whole, with a full stop at its end or without.
    """
    text = _LABEL.sub("", text).strip()
    words = list(re.finditer(r"\S+", text))
    if is_ended and len(words) <= max_words:
        return text
    if len(words) > max_words:
        text = text[: words[max_words - 1].end()]
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text
