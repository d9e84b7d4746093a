"""The Lambda entry as Lambda imports it: in a process of its own, with a model that loads slowly.

The model's load is played; everything else is the handler's own.
"""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

LOAD_S = 3.0

PREPARE = f"""
import json, sys, time
from types import ModuleType, SimpleNamespace

def load(path, **settings):
    if path.name == "missing.gguf":
        from zeroidle_inference.engine.errors import ModelFileError
        raise ModelFileError(f"there is no model file at {{path}}: set ZEROIDLE_MODEL_PATH")
    time.sleep({LOAD_S})
    return SimpleNamespace(identity=SimpleNamespace(sha256="0" * 64, name="m", quantisation="q"))

played = ModuleType("zeroidle_inference.engine.load")
played.load = load
sys.modules[played.__name__] = played

class Context:
    aws_request_id, memory_limit_in_mb = "r", 1024
    ends_s = time.monotonic() + 60
    def get_remaining_time_in_millis(self):
        return int((self.ends_s - time.monotonic()) * 1000)

began = time.monotonic()
from zeroidle_inference.handler import handler
import_s = time.monotonic() - began
began = time.monotonic()
"""

SETTINGS = {
    "ZEROIDLE_MODEL_PATH": "model.gguf",
    "ZEROIDLE_JOBS_TABLE": "jobs",
    "ZEROIDLE_BUCKET": "bucket",
    "ZEROIDLE_QUEUE_URL": "http://127.0.0.1:9/1/jobs",
    "ZEROIDLE_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1:9/1/dead",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def run(script: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PREPARE + textwrap.dedent(script)],
        env={"PATH": os.environ["PATH"], **SETTINGS, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return parsed


WARM = """
answer = handler({"zeroidle": "warm"}, Context())
print(json.dumps({"import_s": import_s, "call_s": time.monotonic() - began, **answer}))
"""


def test_on_demand_the_import_does_not_wait_for_the_model() -> None:
    seen = answer(run(WARM))
    assert seen["import_s"] < LOAD_S
    assert seen["import_s"] + seen["call_s"] >= LOAD_S
    assert seen["init_ms"] >= LOAD_S * 1000
    assert seen["model_sha256"] == "0" * 64


def test_under_provisioned_concurrency_init_ends_with_the_model_loaded() -> None:
    seen = answer(run(WARM, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency"))
    assert seen["import_s"] >= LOAD_S
    assert seen["call_s"] < LOAD_S / 3


def test_garbage_is_collected_again_but_never_among_what_was_imported() -> None:
    script = """
    import gc
    garbage = gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects())
    print(json.dumps(dict(zip(("enabled", "frozen", "looked_at"), garbage))))
    """
    seen = answer(run(script))
    assert seen["enabled"] is True
    assert seen["frozen"] > 10 * seen["looked_at"]


def test_bad_settings_are_reported_at_init_in_one_sentence() -> None:
    done = run("", ZEROIDLE_BUCKET="", ZEROIDLE_THREADS="none")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "zeroidle_inference.errors.SettingsError: the function's environment is wrong: "
        "ZEROIDLE_BUCKET is not set; ZEROIDLE_THREADS is not a whole number from 1 to 1024"
    )


def test_a_missing_model_is_one_clear_line_and_the_records_come_back() -> None:
    done = run(
        """
        record = {"messageId": "m", "receiptHandle": "r", "body": "b"}
        print(json.dumps(handler({"Records": [record]}, Context())))
        """,
        ZEROIDLE_MODEL_PATH="missing.gguf",
    )
    assert answer(done) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    [line] = [line for line in lines if line.get("action") == "model_not_ready"]
    assert line["level"] == "ERROR"
    assert line["error"] == "there is no model file at missing.gguf: set ZEROIDLE_MODEL_PATH"


def test_a_missing_model_fails_the_init_of_a_provisioned_environment() -> None:
    done = run(
        "",
        ZEROIDLE_MODEL_PATH="missing.gguf",
        AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency",
    )
    assert done.returncode == 1
    assert "there is no model file at missing.gguf" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("module", ["boto3", "pydantic"])
def test_what_is_imported_before_the_load_begins_is_light(module: str) -> None:
    script = (
        "import sys, zeroidle_inference.loading, zeroidle_inference.settings;"
        "print(sys.argv[1] in sys.modules)"
    )
    probe = subprocess.run(
        [sys.executable, "-c", script, module],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert probe.stdout.strip() == "False"
