import os
from pathlib import Path

import pytest

from zeroidle_inference.errors import SettingsError
from zeroidle_inference.settings import Settings

NEEDED = {
    "ZEROIDLE_MODEL_PATH": "/opt/model.gguf",
    "ZEROIDLE_JOBS_TABLE": "jobs",
    "ZEROIDLE_BUCKET": "bucket",
    "ZEROIDLE_QUEUE_URL": "https://sqs.example/1/jobs",
    "ZEROIDLE_DEAD_LETTER_QUEUE_URL": "https://sqs.example/1/dead",
}


def test_what_is_not_set_has_a_default() -> None:
    settings = Settings.parse(NEEDED)
    assert settings.model_path == Path("/opt/model.gguf")
    assert settings.threads == len(os.sched_getaffinity(0))
    assert (settings.context_tokens, settings.max_sequences, settings.max_attempts) == (4096, 16, 3)
    assert settings.prefix_states is None
    assert settings.memory_bytes is None
    assert settings.waits_in_init is False


def test_what_is_set_is_taken() -> None:
    chosen = {
        "ZEROIDLE_THREADS": "2",
        "ZEROIDLE_CONTEXT_TOKENS": "2048",
        "ZEROIDLE_MAX_SEQUENCES": "4",
        "ZEROIDLE_MAX_ATTEMPTS": "5",
        "ZEROIDLE_PREFIX_STATES": "/opt/states",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
    }
    settings = Settings.parse(NEEDED | chosen)
    assert (settings.threads, settings.context_tokens) == (2, 2048)
    assert (settings.max_sequences, settings.max_attempts) == (4, 5)
    assert settings.prefix_states == Path("/opt/states")
    assert settings.memory_bytes == 2 << 30
    assert settings.waits_in_init is True


def test_all_mistakes_are_reported_together() -> None:
    environ = {
        "ZEROIDLE_MODEL_PATH": " ",
        "ZEROIDLE_BUCKET": "bucket",
        "ZEROIDLE_QUEUE_URL": "jobs",
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": "https://sqs.example/1/dead",
        "ZEROIDLE_THREADS": "many",
        "ZEROIDLE_MAX_ATTEMPTS": "0",
        "ZEROIDLE_MAX_SEQUENCE": "4",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.parse(environ)
    assert caught.value.mistakes == (
        "ZEROIDLE_MODEL_PATH is not set",
        "ZEROIDLE_JOBS_TABLE is not set",
        "ZEROIDLE_QUEUE_URL is not a URL",
        "ZEROIDLE_THREADS is not a whole number from 1 to 1024",
        "ZEROIDLE_MAX_ATTEMPTS is not a whole number from 1 to 100",
        "ZEROIDLE_MAX_SEQUENCE is no setting of this function",
    )
    assert str(caught.value).startswith("the function's environment is wrong: ZEROIDLE_MODEL_PATH")
