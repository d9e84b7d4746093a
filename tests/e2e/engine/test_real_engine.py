"""The engine on a real model: batches, prefixes, aborts and the five tasks."""

import itertools
import json
import math
import threading

import jsonschema
import pytest
from e2e.engine.small_engine import answers, decoder_of, engine_on, solve

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    Complete,
    CompleteOutput,
    Entity,
    Extract,
    ExtractOutput,
    Message,
    NamedSchema,
    Redact,
    RedactOutput,
    Summarize,
    SummarizeOutput,
    output_schema,
)
from zeroidle_inference.engine.engine import KNEE_ROWS, Engine
from zeroidle_inference.engine.errors import DecodeError
from zeroidle_inference.engine.grammar import Grammars
from zeroidle_inference.engine.llama import PIECE_ROWS
from zeroidle_inference.engine.model import LoadedModel
from zeroidle_inference.engine.prefix import PrefixStates
from zeroidle_inference.engine.request import (
    Answer,
    ChatMessage,
    Completion,
    Generate,
    JsonSchema,
    Prompt,
    Request,
    Score,
    Scores,
)
from zeroidle_inference.engine.schedule import least_budget
from zeroidle_inference.tasks import start

pytestmark = pytest.mark.model

LABELS = ("positive", "negative", "not sure", "not about the product")
REVIEWS = [
    f"{opening} {middle} {end}"
    for opening, middle, end in itertools.product(
        ("The kettle boils in a minute.", "It broke after a week, and nobody answered my letters."),
        ("My sister has one too.", "I paid 40 euros for it."),
        ("I would buy it again.", "Never again.", "It is blue.", "The parcel came on a Monday."),
    )
]
BATCH_TOLERANCE = 0.02
"""Natural-log units: how far a label's score may move with the batch it is computed in. On x86 it
does not move at all: llama.cpp is built so that a row is rounded alike whatever stands beside it
(docs/adr/0012, 0016). Kernels of other processors may round otherwise at other widths."""

LETTER = (
    "Dear Ms Ruiz,\n\nTom Okafor will call you on +44 20 7946 0958, or write to "
    "lena.marsh@example.com. Please pay to GB82 WEST 1234 5698 7654 32 by 4 May 2026.\n\n"
    "Kind regards,\nLena Marsh\n14 Elm Road, Leeds LS1 4AB\n"
)
INVOICE = (
    "INVOICE 2026-0417\nNorthwind Paper Ltd\nDate: 4 May 2026\n"
    "2 x Copy paper A4    9.00    18.00\n1 x Stapler         12.50    12.50\nTotal EUR 30.50\n"
)


def labelling(review: str) -> Score:
    prompt = Prompt(
        messages=(
            ChatMessage("system", "You label reviews with one label and nothing else."),
            ChatMessage("user", f"Labels: {', '.join(LABELS)}.\n\nReview:\n"),
        ),
        document=review,
        after_document="\n\nLabel:",
    )
    return Score(prompt, LABELS)


def scores(engine: Engine, requests: list[Request]) -> list[tuple[float, ...]]:
    return [
        answer.log_probabilities
        for answer in answers(engine, requests)
        if isinstance(answer, Scores)
    ]


def test_a_documents_scores_are_the_same_alone_and_in_a_batch_of_sixteen(
    model: LoadedModel, grammars: Grammars
) -> None:
    requests: list[Request] = [labelling(review) for review in REVIEWS]
    with decoder_of(model, context_tokens=256, sequences=16, max_rows=256) as decoder:
        engine = engine_on(decoder, model, grammars)
        alone = [scores(engine, [request])[0] for request in requests]
        together = scores(engine, requests)

    furthest = max(
        abs(one - other)
        for a, b in zip(alone, together, strict=True)
        for one, other in zip(a, b, strict=True)
    )
    assert furthest < BATCH_TOLERANCE


def test_an_answer_is_the_same_alone_and_among_answers_and_prompts_that_share_its_steps(
    model: LoadedModel, grammars: Grammars
) -> None:
    schema = JsonSchema(
        {
            "type": "object",
            "properties": {"product": {"type": "string"}, "price": {"type": "integer"}},
            "required": ["product", "price"],
            "additionalProperties": False,
        }
    )
    requests: list[Request] = []
    for number, review in enumerate(REVIEWS):
        prompt = Prompt((ChatMessage("user", "Tell me of this product.\n\n"),), document=review)
        grammar = schema if number % 3 == 0 else None
        # From less than a piece of a prompt to several of them.
        requests += [Generate(prompt, 24 + number, grammar), labelling(review * (1 + number % 8))]

    with decoder_of(
        model, context_tokens=512, sequences=8, max_rows=least_budget(8, PIECE_ROWS)
    ) as decoder:
        engine = engine_on(decoder, model, grammars)
        alone = [said(answers(engine, [request])[0]) for request in requests]
        together = answers(engine, requests)

    for answer, expected in zip(together, alone, strict=True):
        assert (
            answer.text if isinstance(answer, Completion) else answer.log_probabilities
        ) == expected


def said(answer: Answer) -> object:
    """What must be the same: a text, or scores within the tolerance."""
    if isinstance(answer, Completion):
        return answer.text
    return pytest.approx(answer.log_probabilities, abs=BATCH_TOLERANCE)


def test_the_same_batch_gives_the_same_scores_again(model: LoadedModel, grammars: Grammars) -> None:
    requests: list[Request] = [labelling(review) for review in REVIEWS[:4]]
    with decoder_of(model) as decoder:
        engine = engine_on(decoder, model, grammars)
        scores(engine, requests[:1])

        assert scores(engine, requests) == scores(engine, requests)


def test_a_damaged_prefix_state_costs_a_prefill_and_no_wrong_answer(
    model: LoadedModel, grammars: Grammars
) -> None:
    request = labelling(REVIEWS[0])
    with decoder_of(model) as decoder:
        prefixes = PrefixStates(max_bytes=1 << 28)
        engine = engine_on(decoder, model, grammars, prefixes=prefixes)
        expected = scores(engine, [request])
        tokens = model.prompt(request.prompt).shared
        state = prefixes.get(tokens)
        assert state is not None
        prefixes.put(tokens, state[: len(state) // 2])

        (answer,) = answers(engine, [request])

        assert isinstance(answer, Scores)
        assert answer.usage.cached == 0
        assert [answer.log_probabilities] == expected
        assert prefixes.get(tokens) == state


def test_an_abort_loses_the_step_and_the_engine_works_after_a_reset(
    model: LoadedModel, grammars: Grammars
) -> None:
    long = Generate(Prompt((ChatMessage("user", "Tell me a long story."),)), max_tokens=300)
    with decoder_of(model) as decoder:
        engine = engine_on(decoder, model, grammars)
        expected = scores(engine, [labelling(REVIEWS[0])])
        threading.Timer(0.3, engine.abort).start()

        with pytest.raises(DecodeError):
            answers(engine, [long])
        engine.reset()

        assert not engine.has_work
        assert scores(engine, [labelling(REVIEWS[0])]) == expected


def test_json_under_a_schema_is_forced_where_the_schema_leaves_no_choice(
    model: LoadedModel, grammars: Grammars
) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}, "sure": {"type": "boolean"}},
        "required": ["answer", "sure"],
        "additionalProperties": False,
    }
    prompt = Prompt((ChatMessage("user", "Is the sky blue? Answer in JSON."),))
    with decoder_of(model) as decoder:
        (answer,) = answers(
            engine_on(decoder, model, grammars), [Generate(prompt, 60, JsonSchema(schema))]
        )

    assert isinstance(answer, Completion)
    jsonschema.validate(json.loads(answer.text), schema)
    assert answer.finish_reason == "stop"
    assert answer.usage.forced > answer.usage.sampled


def test_a_schema_that_admits_one_answer_is_answered(
    model: LoadedModel, grammars: Grammars
) -> None:
    schema = JsonSchema(
        {
            "type": "object",
            "properties": {"currency": {"enum": ["EUR"]}},
            "required": ["currency"],
            "additionalProperties": False,
        }
    )
    prompt = Prompt((ChatMessage("user", "Which currency?"),))
    with decoder_of(model) as decoder:
        (answer,) = answers(engine_on(decoder, model, grammars), [Generate(prompt, 60, schema)])

    assert isinstance(answer, Completion)
    assert json.loads(answer.text) == {"currency": "EUR"}


def test_drafts_save_steps_and_change_no_letter(model: LoadedModel, grammars: Grammars) -> None:
    prompt = Prompt(
        (ChatMessage("user", "Repeat the text word by word.\n\n"),), document=" ".join(REVIEWS[:4])
    )
    requests: list[Request] = [
        Generate(prompt, 60),
        Generate(prompt, 60, JsonSchema({"type": "array", "items": {"type": "string"}})),
    ]

    def texts_and_steps(draft_rows: int) -> tuple[list[str], int]:
        texts, steps = [], 0
        with decoder_of(model) as decoder:
            engine = engine_on(decoder, model, grammars, draft_rows=draft_rows)
            for request in requests:
                engine.submit(request)
                while engine.has_work:
                    steps += 1
                    for end in engine.step():
                        assert isinstance(end.answer, Completion)
                        texts.append(end.answer.text)
        return texts, steps

    plain, plain_steps = texts_and_steps(0)
    drafted, drafted_steps = texts_and_steps(KNEE_ROWS)

    assert drafted == plain
    assert drafted_steps < plain_steps


# The five tasks --------------------------------------------------------------------------------


def test_classify(model: LoadedModel, grammars: Grammars) -> None:
    with decoder_of(model) as decoder:
        engine = engine_on(decoder, model, grammars)
        output = solve(engine, start(Classify(labels=LABELS), REVIEWS[0], engine.text_model))

    assert isinstance(output, ClassifyOutput)
    assert set(output.probabilities) == set(LABELS)
    assert math.fsum(output.probabilities.values()) == pytest.approx(1)
    assert output.label == max(LABELS, key=output.probabilities.__getitem__)


def test_extract(model: LoadedModel, grammars: Grammars) -> None:
    with decoder_of(model, context_tokens=1024) as decoder:
        engine = engine_on(decoder, model, grammars)
        task = Extract(json_schema=NamedSchema.INVOICE)
        output = solve(engine, start(task, INVOICE, engine.text_model))

    assert isinstance(output, ExtractOutput)
    jsonschema.validate(output.data, output_schema(NamedSchema.INVOICE))


def test_redact(model: LoadedModel, grammars: Grammars) -> None:
    with decoder_of(model, context_tokens=1024) as decoder:
        engine = engine_on(decoder, model, grammars)
        task = Redact(entities=tuple(Entity))
        output = solve(engine, start(task, LETTER, engine.text_model))

    assert isinstance(output, RedactOutput)
    masked = LETTER
    for span in reversed(output.spans):
        masked = f"{masked[: span.start]}[{span.entity.value}]{masked[span.end :]}"
    assert output.text == masked
    found = {LETTER[span.start : span.end] for span in output.spans}
    assert {
        "+44 20 7946 0958",
        "lena.marsh@example.com",
        "GB82 WEST 1234 5698 7654 32",
    } <= found


def test_summarize_longer_than_the_context(model: LoadedModel, grammars: Grammars) -> None:
    report = "\n".join(f"On day {day}, {REVIEWS[day % 16]}" for day in range(24))
    with decoder_of(model) as decoder:
        engine = engine_on(decoder, model, grammars)
        output = solve(engine, start(Summarize(max_words=15), report, engine.text_model))

    assert isinstance(output, SummarizeOutput)
    assert 0 < len(output.summary.split()) <= 15


def test_complete(model: LoadedModel, grammars: Grammars) -> None:
    task = Complete(messages=(Message(role="user", content="Name three colours."),), max_tokens=24)
    with decoder_of(model) as decoder:
        engine = engine_on(decoder, model, grammars)
        output = solve(engine, start(task, None, engine.text_model))

    assert isinstance(output, CompleteOutput)
    assert output.text
