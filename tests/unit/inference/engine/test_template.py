"""Chat templates: those of real models, those that refuse a role, and hostile ones."""

import time

import pytest

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.template import MAX_SECONDS, ChatTemplate, Literal, Piece, Slot

SPECIALS = {"bos_token": "<s>", "eos_token": "</s>"}

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = m.content %}"
    "{% elif m.role == 'user' %}"
    "{{ '[INST] ' + (ns.system + '\n\n' if loop.last and ns.system else '') + m.content"
    " + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)


def render(source: str, *roles: str) -> tuple[Piece, ...]:
    return ChatTemplate(source, SPECIALS).render(roles)


def told(pieces: tuple[Piece, ...]) -> str:
    return "".join(
        piece.text if isinstance(piece, Literal) else f"⟨{piece.index}⟩" for piece in pieces
    )


# Real ones ------------------------------------------------------------------------------------


def test_chatml() -> None:
    assert render(CHATML, "system", "user") == (
        Literal("<|im_start|>system\n"),
        Slot(0),
        Literal("<|im_end|>\n<|im_start|>user\n"),
        Slot(1),
        Literal("<|im_end|>\n<|im_start|>assistant\n"),
    )


def test_llama_3() -> None:
    assert told(render(LLAMA_3, "system", "user")) == (
        "<s><|start_header_id|>system<|end_header_id|>\n\n⟨0⟩<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n⟨1⟩<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_a_system_message_stands_before_the_users_where_the_template_refuses_it() -> None:
    assert told(render(GEMMA, "system", "user", "assistant", "user")) == (
        "<s><start_of_turn>user\n⟨0⟩\n\n⟨1⟩<end_of_turn>\n"
        "<start_of_turn>model\n⟨2⟩<end_of_turn>\n"
        "<start_of_turn>user\n⟨3⟩<end_of_turn>\n<start_of_turn>model\n"
    )


def test_a_system_message_stands_before_the_users_where_the_template_drops_it() -> None:
    silent = (
        "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    )

    assert told(render(silent, "system", "user")) == "<user>⟨0⟩\n\n⟨1⟩"


def test_a_system_message_stands_before_the_first_user_where_the_template_puts_it_last() -> None:
    assert told(render(MISTRAL, "system", "user")) == "<s>[INST] ⟨0⟩\n\n⟨1⟩ [/INST]"
    assert told(render(MISTRAL, "system", "user", "assistant", "user")) == (
        "<s>[INST] ⟨0⟩\n\n⟨1⟩ [/INST] ⟨2⟩</s>[INST] ⟨3⟩ [/INST]"
    )


def test_a_shape_is_rendered_once() -> None:
    template = ChatTemplate(CHATML, SPECIALS)

    assert template.render(["user"]) is template.render(("user",))


# Unusable ones ---------------------------------------------------------------------------------


def test_a_role_that_the_template_refuses_is_an_error_with_the_templates_reason() -> None:
    with pytest.raises(ModelFileError, match="roles must alternate"):
        render(GEMMA, "user", "user")


def test_where_nothing_helps_the_first_reason_is_told() -> None:
    with pytest.raises(ModelFileError, match="no system here"):
        render("{{ raise_exception('no ' + messages[0].role + ' here') }}", "system", "user")


def test_a_template_that_does_not_parse_is_an_error() -> None:
    with pytest.raises(ModelFileError, match="chat template fails"):
        render("{% for %}", "user")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{{ messages[0].content }}", id="drops one"),
        pytest.param("{{ messages[1].content }}{{ messages[0].content }}", id="swaps two"),
        pytest.param(
            "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", id="repeats each"
        ),
        pytest.param(
            "{{ messages[1].content }}{% for m in messages %}{{ m.content }}{% endfor %}",
            id="repeats one before the other",
        ),
        pytest.param("{% for m in messages %}{{ m.content | upper }}{% endfor %}", id="alters"),
        pytest.param("nothing at all", id="says nothing"),
    ],
)
def test_a_template_that_loses_or_repeats_a_message_is_an_error(source: str) -> None:
    with pytest.raises(ModelFileError, match="does not place message"):
        render(source, "user", "assistant")


# Hostile ones ----------------------------------------------------------------------------------

ESCAPES = {
    "a class's bases": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "a function's globals": "{{ raise_exception.__globals__ }}",
    "attributes by filter": "{{ ('' | attr('__class__')) | attr('__mro__') | list }}",
    "a format string": "{{ '{0.__class__.__mro__}'.format('') }}",
    "the template itself": "{{ self._TemplateReference__context.environment }}",
    "a cycler's globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "changing its input": "{% set _ = messages.append(messages[0]) %}{{ messages }}",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_template_cannot_reach_pythons_internals(name: str) -> None:
    with pytest.raises(ModelFileError, match=r"unsafe|undefined|not place|has no"):
        render(ESCAPES[name], "user")


BOMBS = {
    "nested loops that write nothing": "{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4,
    "a loop that writes": "{% for a in range(99999) %}{{ 'x' * 100 }}{% endfor %}",
    "a macro that calls itself twice": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "a power of powers": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a power that the compiler would fold": "{% if 9 ** 99999999 %}{% endif %}",
    "a very long string": "{{ 'x' * 10 ** 11 }}",
    "a very wide format": "{{ '%99999999999d' % 1 }}",
    "a very wide filter": "{{ 'x' | center(10 ** 11) }}",
    "a string that doubles": "{% set ns = namespace(x='x') %}{% for i in range(60) %}"
    "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "a list that doubles": "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "nesting beyond the parser's depth": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_that_would_run_for_ever_is_stopped_in_the_stated_time(name: str) -> None:
    started_s = time.monotonic()

    with pytest.raises(ModelFileError, match="chat template"):
        render(BOMBS[name], "user")

    assert time.monotonic() - started_s < MAX_SECONDS + 1


def test_a_template_as_large_as_a_model_is_refused_unread() -> None:
    with pytest.raises(ModelFileError, match="too large"):
        ChatTemplate("x" * 200_001, SPECIALS)
