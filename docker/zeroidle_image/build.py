"""Builds the image: `make image`.

    make image                                      this machine's processor, the small model
    make image ARCH=arm64                           Graviton2, cross-compiled
    make image ARCH=arm64 MODEL=model.gguf MODEL_SHA256=... QUANTISE=Q4_K_M MEMORY_MB=10240

Progress and errors go to stderr, the image's name to stdout. Exit codes: 0 done, 1 error, 2 usage.
"""

import argparse
import errno
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zeroidle_image import base, layers, place_model
from zeroidle_image.builders import Build, Builder, failed, find_builder
from zeroidle_image.errors import ImageError, NoSpaceError
from zeroidle_image.running import run_build, stoppable

ROOT: Final = Path(__file__).parents[2]
HOME: Final = ROOT / "build" / "image"
LAMBDA_NAMES: Final = {"amd64": "x86_64", "arm64": "arm64"}

WORKING_BYTES: Final = 5 << 30
"""Bases, compilers and libraries of both architectures, unpacked."""

MODEL_COPIES: Final = 5
"""Of the model, while it is verified, requantised, put into the image and measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, measure, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with stoppable():
            sys.stdout.write(f"{build(options)}\n")
    except ImageError as error:
        _say(f"error: {error}")
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _say(f"error: {failed(str(error))}")
        return 1
    except KeyboardInterrupt:
        _say("stopped; what was built is kept and the next run goes on from there")
        return 1
    return 0


def build(options: argparse.Namespace) -> str:
    """The finished image's name.

    Raises:
        ImageError: with what to do.
    """
    target = base.MACHINES[options.arch]
    name = LAMBDA_NAMES[target]
    here = base.MACHINES.get(os.uname().machine, "amd64")
    home = HOME / name
    home.mkdir(parents=True, exist_ok=True)
    model = Path(options.model) if options.model else None
    place_model.check_source(given=model is not None, url=options.model_url)
    check_model(model, options.model_sha256, options.memory_mb)
    check_space(home, model)
    builder = find_builder(HOME)
    _say(f"image: zeroidle for {name} with {builder.name}; log: {home / 'build.log'}")
    base.ensure_emulation(target)
    bases = {
        one: base.obtain(options.base, one, builder=builder, scratch=HOME, progress=_say)
        for one in dict.fromkeys((here, target))
    }
    certificates = os.environ.get("PIP_CERT")
    tag = f"localhost/zeroidle:{name}"
    run_build(
        builder,
        Build(
            dockerfile=ROOT / "docker" / "Dockerfile",
            context=ROOT,
            inputs=gather_inputs(home / "inputs", model, options.tasks),
            build_platform=f"linux/{here}",
            platform=f"linux/{target}",
            tag=tag,
            arguments={
                "BASE": bases[target],
                "BUILD_BASE": bases[here],
                "MODEL_URL": options.model_url,
                "MODEL_SHA256": options.model_sha256,
                "MODEL_LICENCE": options.model_licence,
                "QUANTISE": options.quantise,
                "MEMORY_MB": str(options.memory_mb),
                "CONTEXT_TOKENS": str(options.context_tokens),
            },
            certificates=Path(certificates) if certificates else None,
        ),
        log=home / "build.log",
        progress=_say,
    )
    _measure(builder, tag, bases[target], home)
    return tag


def check_model(model: Path | None, sha256: str, memory_mb: int) -> None:
    """Before anything is built; the build itself looks again.

    Raises:
        ImageError: there is no such file, it is another than was named or no GGUF, or it cannot
            fit.
    """
    place_model.check_named(sha256)
    if model is not None:
        try:
            place_model.check_size(model.stat().st_size, memory_mb)
            place_model.check_format(model)
            place_model.check_hash(model, sha256)
        except OSError as error:
            raise ImageError(f"cannot read the model {model}: {error.strerror}") from error


def check_space(folder: Path, model: Path | None) -> None:
    """Before anything is built.

    Raises:
        NoSpaceError: the disk under the folder cannot hold a build with this model.
    """
    needed = WORKING_BYTES + MODEL_COPIES * (model.stat().st_size if model else 0)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoSpaceError(
            f"the build needs about {needed / 1e9:.0f} GB under {folder}, {free / 1e9:.1f} GB are "
            "free: make room, or let build/ be a link to a larger disk"
        )


def gather_inputs(folder: Path, model: Path | None, tasks: Sequence[Path]) -> Path:
    """The build's second context: model.gguf, and the tasks under names of their own.

    Raises:
        ImageError: a file is not there.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tasks").mkdir(parents=True)
    try:
        if model is not None:
            _link(model, folder / "model.gguf")
        for index, task in enumerate(sorted(tasks)):
            shutil.copyfile(task, folder / "tasks" / f"{index:03}-{task.parent.name}.json")
    except OSError as error:
        raise ImageError(
            f"cannot take {error.filename} into the build: {error.strerror}"
        ) from error
    return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(strict=True), target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _measure(builder: Builder, tag: str, base_image: str, home: Path) -> None:
    _say("measuring the layers")
    builder.export(tag, home / "oci")
    sizes = layers.read(home / "oci", base_layers=builder.config(base_image).layers)
    (home / "layers.json").write_text(sizes.to_json())
    sys.stderr.write(layers.render(sizes))
    if found := layers.complaints(sizes):
        raise ImageError(f"the image is built but must not ship: {'; '.join(found)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_image.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    say = parser.add_argument
    say("--arch", choices=sorted(base.MACHINES), default=os.uname().machine)
    say("--base", default=base.DEFAULT, help="Debian 12 to stand on, host and all")
    say("--model", default="", help="the GGUF; or give --model-url")
    say("--model-url", default="", help="https, downloaded inside the build")
    say("--model-sha256", required=True, help="of the file that is given")
    say("--model-licence", default="", help="SPDX; default: the one that the GGUF names")
    say("--quantise", default="", help="such as Q4_0; default: ships as it is")
    say("--memory-mb", type=int, default=10240, help="of the function; refuse what cannot fit")
    say("--context-tokens", type=int, default=4096, help="of one sequence, as the stack's")
    say("tasks", nargs="*", type=Path, help="task files (JSON) whose prefix states ship")
    return parser


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
