"""The model's file is taken whole and verified, or refused in one sentence."""

import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zeroidle_image.errors import ModelRefusedError, NoSpaceError
from zeroidle_image.place_model import main, place

CONTENT = b"GGUF and weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


def placed(given: Path, *, sha256: str = SHA256, url: str = "", memory_mb: int = 1) -> Path:
    to = given.parent / "placed" / "source.gguf"
    place(given=given, url=url, sha256=sha256, memory_mb=memory_mb, to=to, progress=lambda _: None)
    return to


def test_the_named_model_is_placed(given: Path) -> None:
    assert placed(given).read_bytes() == CONTENT


def test_a_model_with_another_hash_is_refused_and_nothing_is_left(given: Path) -> None:
    with pytest.raises(ModelRefusedError, match=f"SHA-256 {SHA256}, expected {'0' * 64}"):
        placed(given, sha256="0" * 64)
    assert list((given.parent / "placed").iterdir()) == []


def test_a_model_larger_than_the_functions_memory_is_refused(given: Path) -> None:
    with given.open("ab") as file:
        file.truncate(2 << 20)
    with pytest.raises(ModelRefusedError, match="2 MiB, the function has 1 MB"):
        placed(given)


def test_a_file_that_is_no_gguf_is_refused_though_its_hash_is_right(given: Path) -> None:
    page = b"<!doctype html>"
    given.write_bytes(page)
    with pytest.raises(ModelRefusedError, match="no GGUF file"):
        placed(given, sha256=hashlib.sha256(page).hexdigest())
    assert list((given.parent / "placed").iterdir()) == []


def test_no_model_is_refused(given: Path) -> None:
    given.unlink()
    with pytest.raises(ModelRefusedError, match="no model was given"):
        placed(given)


def test_two_models_are_refused(given: Path) -> None:
    with pytest.raises(ModelRefusedError, match="two models"):
        placed(given, url="https://models.example/model.gguf")


def test_a_hash_that_is_none_is_refused(given: Path) -> None:
    with pytest.raises(ModelRefusedError, match="MODEL_SHA256"):
        placed(given, sha256="latest")


def test_an_unprotected_download_is_refused(given: Path) -> None:
    given.unlink()
    with pytest.raises(ModelRefusedError, match="https"):
        placed(given, url="http://models.example/model.gguf")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named_as_such(given: Path) -> None:
    folder = given.parent / "placed"
    folder.mkdir()
    (folder / "source.partial").symlink_to("/dev/full")
    with pytest.raises(NoSpaceError, match="No space left"):
        placed(given)


def test_the_command_says_in_one_line_what_was_wrong(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = str(given.parent / "placed.gguf")
    arguments = ["--given", str(given), "--url", "", "--sha256", "0" * 64, "--memory-mb", "1"]
    assert main([*arguments, "--to", to]) == 1
    assert capsys.readouterr().err.startswith("error: the model has SHA-256 ")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """An https address whose server says this once and hangs up."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    told = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost"
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(["openssl", *told.split(), *named], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("localhost", 0)) as listening:

        def answer(said: bytes) -> None:
            with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                connection.recv(4096)
                connection.sendall(said)

        def serve(said: bytes) -> str:
            threading.Thread(target=answer, args=(said,), daemon=True).start()
            return f"https://localhost:{listening.getsockname()[1]}/model.gguf"

        yield serve


def test_a_download_that_is_cut_short_is_told_as_one(
    given: Path, served: Callable[[bytes], str]
) -> None:
    given.unlink()
    url = served(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nGGUF")
    with pytest.raises(ModelRefusedError, match="cannot download the model"):
        placed(given, url=url)
    assert list((given.parent / "placed").iterdir()) == []


def test_a_download_that_leads_to_an_open_line_is_refused(
    given: Path, served: Callable[[bytes], str]
) -> None:
    given.unlink()
    url = served(b"HTTP/1.1 302 Found\r\nLocation: http://models.example/m\r\n\r\n")
    with pytest.raises(ModelRefusedError, match=r"leads on to http://models\.example/m: not https"):
        placed(given, url=url)
