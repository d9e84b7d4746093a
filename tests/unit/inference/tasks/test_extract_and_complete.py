"""Extract and complete: valid JSON or a clear end."""

import pytest
from unit.inference.tasks.task_driver import WordModel, completion, run

from zeroidle_contract import (
    Complete,
    CompleteOutput,
    ErrorCode,
    Extract,
    ExtractOutput,
    Message,
    NamedSchema,
)
from zeroidle_inference.engine.request import Generate, JsonSchema
from zeroidle_inference.tasks.complete import complete
from zeroidle_inference.tasks.extract import extract
from zeroidle_inference.tasks.task import TaskError

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


def question(**changes: object) -> Complete:
    return Complete.model_validate(
        {"messages": [{"role": "user", "content": "Why is it?"}], "max_tokens": 50, **changes}
    )


def test_extract_gives_the_json_that_was_written() -> None:
    steps = extract(Extract(json_schema=SCHEMA), "Total 12.", WordModel())

    assert run(steps, [completion('{"total": 12}')]) == ExtractOutput(data={"total": 12})


def test_extract_asks_for_the_schemas_grammar_and_names_its_fields() -> None:
    (request,) = next(extract(Extract(json_schema=SCHEMA), "Total 12.", WordModel()))

    assert isinstance(request, Generate)
    assert isinstance(request.grammar, JsonSchema)
    assert "total" in request.prompt.messages[-1].text
    assert request.prompt.document == "Total 12."


def test_a_named_schema_is_looked_up() -> None:
    (request,) = next(extract(Extract(json_schema=NamedSchema.INVOICE), "INVOICE 7", WordModel()))

    assert isinstance(request, Generate)
    assert isinstance(request.grammar, JsonSchema)
    assert "properties" in request.grammar.schema


def test_a_pattern_that_makes_backtracking_explode_does_not_keep_the_others_waiting() -> None:
    field = {"type": "string", "x-copied": True, "pattern": "^(a+)+$"}
    task = Extract(json_schema={"type": "object", "properties": {"code": field}})

    (request,) = next(extract(task, "a" * 60 + "b", WordModel()))

    assert isinstance(request, Generate)
    assert isinstance(request.grammar, JsonSchema)
    assert request.grammar.schema["properties"] == {"code": field}


def test_json_that_was_cut_short_is_output_truncated() -> None:
    steps = extract(Extract(json_schema=SCHEMA), "Total 12.", WordModel())

    with pytest.raises(TaskError, match="not complete after 99 tokens") as caught:
        run(steps, [completion('{"total": 1', "length", tokens=99)])

    assert caught.value.code is ErrorCode.OUTPUT_TRUNCATED


def test_a_document_that_leaves_no_room_for_an_answer_is_too_long() -> None:
    with pytest.raises(TaskError) as caught:
        next(extract(Extract(json_schema=SCHEMA), "word " * 200, WordModel(200)))

    assert caught.value.code is ErrorCode.DOCUMENT_TOO_LONG


def test_extract_asks_for_no_more_tokens_than_there_is_room_for() -> None:
    model = WordModel(200)

    (request,) = next(extract(Extract(json_schema=SCHEMA), "word " * 100, model))

    assert isinstance(request, Generate)
    assert model.prompt_tokens(request.prompt) + request.max_tokens <= 200


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": {"a": True}}])
def test_a_schema_without_fields_is_asked_for_as_it_is(schema: dict[str, object]) -> None:
    steps = extract(Extract(json_schema=schema), "Total 12.", WordModel())

    assert run(steps, [completion("7")]) == ExtractOutput(data=7)


def test_complete_gives_the_text_without_space_around_it() -> None:
    steps = complete(question(), None, WordModel())

    assert run(steps, [completion(" Because. \n", "length")]) == CompleteOutput(
        text="Because.", finish_reason="length"
    )


def test_complete_appends_the_document_as_the_last_user_message() -> None:
    task = question(messages=[{"role": "system", "content": "Be brief."}])

    (request,) = next(complete(task, " The letter. ", WordModel()))

    assert [message.role for message in request.prompt.messages] == ["system", "user"]
    assert request.prompt.document == "The letter."


def test_complete_gives_json_where_a_schema_was_given() -> None:
    steps = complete(question(json_schema=SCHEMA), None, WordModel())

    assert run(steps, [completion('{"total": 1}')]) == CompleteOutput(
        data={"total": 1}, finish_reason="stop"
    )


def test_completed_json_that_was_cut_short_is_output_truncated() -> None:
    steps = complete(question(json_schema=SCHEMA), None, WordModel())

    with pytest.raises(TaskError) as caught:
        run(steps, [completion('{"total"', "length")])

    assert caught.value.code is ErrorCode.OUTPUT_TRUNCATED


def test_a_chat_that_does_not_leave_max_tokens_is_too_long() -> None:
    task = question(messages=[Message(role="user", content="word " * 60)])

    with pytest.raises(TaskError) as caught:
        next(complete(task, None, WordModel(100)))

    assert caught.value.code is ErrorCode.DOCUMENT_TOO_LONG
