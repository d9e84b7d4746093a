"""What is said of an image's layers is what stands in its OCI layout."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from zeroidle_image.errors import ImageError
from zeroidle_image.layers import MANIFESTS, Layer, Sizes, complaints, read, render


def blob(layout: Path, content: bytes, name: str) -> dict[str, str]:
    path = layout / "blobs" / "sha256" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"digest": f"sha256:{name}"}


def archive(files: dict[str, int]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, size in files.items():
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    return packed.getvalue()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A base of 1,000 bytes; above it a model of 500 and libraries of 300."""
    contents: list[dict[str, int]] = [
        {"usr/bin/sh": 1000},
        {"opt/model/model.gguf": 500},
        {"usr/local/lib/python3.11/dist-packages/numpy/core.so": 200, "etc/x": 100},
    ]
    layers = [blob(tmp_path, archive(files), f"l{i}") for i, files in enumerate(contents)]
    history: list[dict[str, Any]] = [{"created_by": "base"}, {"created_by": "COPY model"}]
    history += [{"created_by": "ENV X=1", "empty_layer": True}, {"created_by": "COPY libraries"}]
    config = {"architecture": "arm64", "config": {"User": "65534:65534"}, "history": history}
    manifest = {
        "mediaType": MANIFESTS[0],
        "config": blob(tmp_path, json.dumps(config).encode(), "config"),
        "layers": layers,
    }
    listed = blob(tmp_path, json.dumps(manifest).encode(), "manifest")
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [listed]}))
    return tmp_path


def test_base_model_and_what_we_add_are_told_apart(layout: Path) -> None:
    sizes = read(layout, base_layers=1)
    assert (sizes.base_bytes, sizes.model_bytes, sizes.added_bytes) == (1000, 500, 300)


def test_each_layer_names_what_made_it_and_what_it_holds(layout: Path) -> None:
    last = read(layout, base_layers=1).layers[-1]
    assert last.made_by == "COPY libraries"
    assert last.largest == (("numpy", 200), ("etc/x", 100))


def test_the_table_ends_with_the_guarded_figure(layout: Path) -> None:
    table = render(read(layout, base_layers=1))
    assert "added above the base without the model 0.0 MB (limit 200)" in table


def test_an_index_of_several_manifests_is_refused(layout: Path) -> None:
    index = json.loads((layout / "index.json").read_text())
    (layout / "index.json").write_text(json.dumps({"manifests": index["manifests"] * 2}))
    with pytest.raises(ImageError, match="2 manifests"):
        read(layout, base_layers=1)


def image(
    *, added_bytes: int = 200_000_000, user: str = "65534:65534", media_type: str = MANIFESTS[0]
) -> Sizes:
    layer = Layer(
        made_by="", is_base=False, files=1, unpacked_bytes=added_bytes, model_bytes=0, largest=()
    )
    return Sizes(
        architecture="arm64",
        manifest_media_type=media_type,
        manifests=1,
        user=user,
        layers=(layer,),
    )


def test_an_image_at_the_limit_ships() -> None:
    assert complaints(image()) == []


@pytest.mark.parametrize(
    ("refused", "because"),
    [
        (image(added_bytes=200_000_001), "the limit is 200"),
        (image(user="root"), "runs as root"),
        (image(user=""), "runs as root"),
        (image(media_type="application/vnd.oci.image.index.v1+json"), "plain manifest"),
    ],
)
def test_an_image_that_must_not_ship_is_told(refused: Sizes, because: str) -> None:
    (complaint,) = complaints(refused)
    assert because in complaint
