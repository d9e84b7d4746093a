"""A build that is stopped leaves neither the builder nor its containers behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in import program

DOCKER = Path(__file__).parents[3] / "docker"
MAIN = """
import sys
from pathlib import Path
from zeroidle_image import build
build.HOME, build.WORKING_BYTES = Path(sys.argv[1]), 0
build.check_model = lambda *_: None
sys.exit(build.main(["--model", sys.argv[2], "--model-sha256", "0" * 64]))
"""
BUILDAH = """
cd {folder}
case "$*" in
*" containers "*) cat containers ;;
*" build "*) echo half-done >>containers; echo $$ >builder
    echo "[1/2] STEP 1/1: FROM base"; for _ in $(seq 600); do sleep 0.1; done ;;
*" rm "*) echo "$*" | sed 's/.* rm //' >>removed ;;
esac
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="buildah builds here as root alone")
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_build_ends_its_builder_and_removes_its_containers(
    tmp_path: Path, told: signal.Signals
) -> None:
    program(tmp_path / "bin", "buildah", answers=BUILDAH.format(folder=tmp_path))
    program(tmp_path / "bin", "docker", answers="exit 1")
    (tmp_path / "containers").write_text("of-another-build\n")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, str(tmp_path / "image"), str(tmp_path / "model.gguf")],
        env={"PATH": f"{tmp_path / 'bin'}:{os.defpath}", "PYTHONPATH": str(DOCKER)},
        stderr=subprocess.PIPE,
        text=True,
    ) as build:
        assert build.stderr is not None
        while "FROM base" not in (line := build.stderr.readline()):
            assert line, "the build ended by itself"
        build.send_signal(told)
        _, said = build.communicate(timeout=60)

    assert build.returncode == 1
    assert said.splitlines()[-1].startswith("stopped; what was built is kept")
    builder = (tmp_path / "builder").read_text().strip()
    assert not Path(f"/proc/{builder}").exists()
    assert (tmp_path / "removed").read_text() == "half-done\n"
