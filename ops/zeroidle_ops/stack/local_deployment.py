"""Deploys the template to the emulator: the Zip, the parameters, and what the emulator gets wrong.

The Zip holds one script, `bootstrap`, that starts the handler from this machine's environment under
the same runtime client as the container image. Knows nothing of the emulator's process.
"""

import hashlib
import json
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from zeroidle_ops.errors import LocalStackError
from zeroidle_ops.stack import change_set, functions
from zeroidle_ops.stack.deploy import template
from zeroidle_ops.stack.emulator_gaps import fill_gaps
from zeroidle_ops.stack.emulator_iam import grant_emulators_names
from zeroidle_ops.stack.target import Target

BUILD: Final = Path("build")
DEFAULT_MODEL: Final = BUILD / "models" / "SmolLM2-135M-Instruct.Q4_0.gguf"
HANDLER: Final = "zeroidle_inference.handler.handler"

_BOOTSTRAP = "bootstrap"
_CODE_BUCKET = "zeroidle-local-code"
_CONCURRENCY = 2
"""The least that AWS allows; each process gets its share of the CPUs."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What runs in the local function.

    `python_path` is a folder to import `handler` from, where it is not an installed package's.
    """

    model: Path = DEFAULT_MODEL
    handler: str = HANDLER
    python_path: Path | None = None
    timeout_s: int = 300
    threads: int = max(1, (os.cpu_count() or 1) // _CONCURRENCY)
    context_tokens: int = 2048

    def resolved(self) -> "Settings":
        """With absolute paths.

        Raises:
            LocalStackError: there is no model.
        """
        if not self.model.is_file():
            raise LocalStackError(
                f"there is no model at {self.model}; fetch it with `make model`, or name yours "
                "with --model (MODEL=path.gguf for make)"
            )
        python_path = self.python_path.resolve() if self.python_path else None
        return replace(self, model=self.model.resolve(), python_path=python_path)

    def fingerprint(self) -> str:
        """Equal for stacks that behave alike; names the function's version."""
        told = json.dumps(asdict(self), default=str, sort_keys=True) + template() + sys.executable
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def deploy(target: Target, settings: Settings, *, function_log: Path) -> None:
    """Create the stack and wait until it stands.

    What the function prints also lands in `function_log` as it is printed; the emulator itself
    shows it only after the invocation.

    Raises:
        DeploymentError: with the resource that failed and why.
    """
    archive = function_zip(settings, function_log.resolve())
    key = f"{hashlib.sha256(archive).hexdigest()}.zip"
    target.s3.create_bucket(Bucket=_CODE_BUCKET)
    target.s3.put_object(Bucket=_CODE_BUCKET, Key=key, Body=archive)
    prepared = change_set.prepare(
        target.cloudformation,
        stack_name=target.stack_name,
        parameters={
            "CodeBucket": _CODE_BUCKET,
            "CodeKey": key,
            "Release": settings.fingerprint(),
            "Architecture": "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64",
            "ModelPath": str(settings.model),
            "TimeoutSeconds": str(settings.timeout_s),
            "MaximumConcurrency": str(_CONCURRENCY),
            "Threads": str(settings.threads),
            "ContextTokens": str(settings.context_tokens),
        },
        tags={},
    )
    change_set.execute(target.cloudformation, prepared, timeout_s=60, tell=lambda _: None)
    correct_emulator(target)
    fill_gaps(target)


def function_zip(settings: Settings, function_log: Path) -> bytes:
    """The Zip that starts the settings' handler from this machine's environment."""
    lines = ["#!/bin/bash", f"exec > >(exec tee -a {shlex.quote(str(function_log))}) 2>&1"]
    if settings.python_path is not None:
        lines.append(f"export PYTHONPATH={shlex.quote(str(settings.python_path))}")
    lines.append(f"exec {shlex.quote(sys.executable)} -m awslambdaric {settings.handler}")
    script = "\n".join(lines) + "\n"
    return functions.archive({_BOOTSTRAP: script.encode()}, executable=_BOOTSTRAP)


def scheduled_functions_zip() -> bytes:
    """The scheduled functions' Zip for the emulator: our part, on this machine's libraries."""
    script = (
        '#!/bin/bash\nexport PYTHONPATH="$LAMBDA_TASK_ROOT"\n'
        f'exec {shlex.quote(sys.executable)} -m awslambdaric "$_HANDLER"\n'
    )
    files = {_BOOTSTRAP: script.encode(), **functions.our_files()}
    return functions.archive(files, executable=_BOOTSTRAP)


def correct_emulator(target: Target) -> None:
    """Put right what the emulator makes of the template otherwise than AWS."""
    # It keeps this number as the parameter's text, and then cannot compare it.
    mapping = target.stack.event_source_mapping_id
    told = target.lambda_.get_event_source_mapping(UUID=mapping).get("ScalingConfig")
    if told:  # not named where a scaler sets it
        target.lambda_.update_event_source_mapping(
            UUID=mapping,
            ScalingConfig={"MaximumConcurrency": int(told["MaximumConcurrency"])},
        )
    grant_emulators_names(target)
