"""Model files that are damaged, incomplete or hostile: one clear sentence, no crash.

Each is loaded in a process of its own: what llama.cpp cannot bear it may answer with an abort.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

_LOAD = """
import sys
from pathlib import Path
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.engine.load import load
try:
    engine = load(Path(sys.argv[1]), threads=1, context_tokens=256, max_sequences=1)
except ModelFileError as error:
    print(error)
    sys.exit(3)
"""
REFUSED = 3


def load(path: Path) -> tuple[int, str]:
    """Exit status and output of a process that loads a model."""
    process = subprocess.run(
        [sys.executable, "-c", _LOAD, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return process.returncode, process.stdout + process.stderr


def put_at(offset: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:offset] + data + content[offset + len(data) :]


def renamed(key: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(key, key[:-1] + b"!", 1)


def with_template(template: str) -> Callable[[bytes], bytes]:
    """The content with another chat template of the same length."""

    def change(content: bytes) -> bytes:
        key = b"tokenizer.chat_template"
        # Behind the key: its type (4 bytes), the length (8 bytes), the template.
        length_at = content.index(key) + len(key) + 4
        start = length_at + 8
        length = int.from_bytes(content[length_at:start], "little")
        assert len(template) <= length
        return content[:start] + template.ljust(length).encode() + content[start + length :]

    return change


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "of three bytes": lambda content: content[:3],
    "cut in its header": lambda content: content[:1000],
    "cut in its vocabulary": lambda content: content[:500_000],
    "cut in its weights": lambda content: content[:50_000_000],
    "without its last byte": lambda content: content[:-1],
    "of noise": lambda content: content[-200_000:],
    "of another version": put_at(4, b"\x63"),
    "with too many tensors": put_at(8, b"\xff" * 8),
    "with too many keys": put_at(16, b"\xff" * 8),
    "with a key longer than the file": put_at(24, b"\xff" * 7 + b"\x7f"),
    "without its architecture": renamed(b"general.architecture"),
    "without its vocabulary": renamed(b"tokenizer.ggml.tokens"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_in_a_sentence(
    name: str, model_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(DAMAGED[name](model_path.read_bytes()))

    status, said = load(path)

    assert status == REFUSED
    assert said.endswith(
        "it may be truncated or damaged: compare its SHA-256 with the publisher's\n"
    )
    assert len(said.splitlines()) == 1


def test_a_missing_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    status, said = load(tmp_path / "nothing.gguf")

    assert status == REFUSED
    assert said.endswith("set ZEROIDLE_MODEL_PATH, or run `make model`\n")


def test_a_model_without_a_chat_template_is_refused(model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "base.gguf"
    path.write_bytes(renamed(b"tokenizer.chat_template")(model_path.read_bytes()))

    status, said = load(path)

    assert status == REFUSED
    assert "no chat template" in said


def test_a_model_whose_template_never_ends_is_refused(model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.gguf"
    endless = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    path.write_bytes(with_template(endless)(model_path.read_bytes()))

    status, said = load(path)

    assert status == REFUSED
    assert said == "the model's chat template uses more time or memory than any should\n"


def test_a_model_whose_template_knows_no_system_message_loads(
    model_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "gemma.gguf"
    refusing = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    )
    path.write_bytes(with_template(refusing)(model_path.read_bytes()))

    assert load(path) == (0, "")
