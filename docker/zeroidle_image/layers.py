"""What each layer of an image holds, read from its OCI layout on the disk.

Sizes are of the files themselves, unpacked, as Lambda counts them. The layers of the base are those
below the first that the Dockerfile made; what stands under /opt/model is the model's.
"""

import json
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from zeroidle_image.errors import ImageError

MODEL_FOLDER: Final = "opt/model/"
LIMIT_BYTES: Final = 200 * 1000 * 1000
"""What we add above the base without the model, at most."""

MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""What Lambda takes: one plain manifest, no index of several and no attestations."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: its unpacked bytes, those of the model among them, its largest folders."""

    made_by: str
    is_base: bool
    files: int
    unpacked_bytes: int
    model_bytes: int
    largest: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """An image's layers, from the base upwards."""

    architecture: str
    manifest_media_type: str
    manifests: int
    user: str
    layers: tuple[Layer, ...]

    @property
    def base_bytes(self) -> int:
        """The base alone."""
        return sum(layer.unpacked_bytes for layer in self.layers if layer.is_base)

    @property
    def model_bytes(self) -> int:
        """The model and its prefix states."""
        return sum(layer.model_bytes for layer in self.layers)

    @property
    def added_bytes(self) -> int:
        """What we add above the base, without the model: the guarded figure."""
        total = sum(layer.unpacked_bytes for layer in self.layers if not layer.is_base)
        return total - self.model_bytes

    def to_json(self) -> str:
        """For the file that the guarding test reads."""
        figures = {
            "base_bytes": self.base_bytes,
            "model_bytes": self.model_bytes,
            "added_bytes": self.added_bytes,
        }
        return json.dumps(asdict(self) | figures, indent=2) + "\n"


def read(layout: Path, *, base_layers: int) -> Sizes:
    """Measure the image in an OCI layout.

    Args:
        layout: the folder with `index.json` and `blobs`.
        base_layers: how many of its layers are the base's.

    Raises:
        ImageError: the layout holds no image, or several.
    """
    listed = json.loads((layout / "index.json").read_text())["manifests"]
    if len(listed) != 1:
        raise ImageError(f"{layout} holds {len(listed)} manifests: Lambda takes one plain manifest")
    manifest = _blob(layout, listed[0]["digest"])
    config = _blob(layout, manifest["config"]["digest"])
    made_by = [
        step.get("created_by", "") for step in config["history"] if not step.get("empty_layer")
    ]
    descriptors = manifest["layers"]
    return Sizes(
        architecture=config["architecture"],
        manifest_media_type=manifest.get("mediaType") or listed[0]["mediaType"],
        manifests=len(listed),
        user=config["config"].get("User", ""),
        layers=tuple(
            _layer(layout, descriptor["digest"], made, is_base=index < base_layers)
            for index, (descriptor, made) in enumerate(zip(descriptors, made_by, strict=True))
        ),
    )


def render(sizes: Sizes) -> str:
    """A table for a terminal."""
    lines = [f"{'MB':>8}  {'files':>6}  layer ({sizes.architecture})"]
    for layer in sizes.layers:
        held = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in layer.largest)
        where = "base" if layer.is_base else layer.made_by
        lines.append(f"{layer.unpacked_bytes / 1e6:8.1f}  {layer.files:6}  {where[:48]:48}  {held}")
    lines.append(
        f"base {sizes.base_bytes / 1e6:.1f} MB, model {sizes.model_bytes / 1e6:.1f} MB, "
        f"added above the base without the model {sizes.added_bytes / 1e6:.1f} MB "
        f"(limit {LIMIT_BYTES / 1e6:.0f})"
    )
    return "\n".join(lines) + "\n"


def complaints(sizes: Sizes) -> list[str]:
    """What a finished image must not be."""
    found = []
    if sizes.added_bytes > LIMIT_BYTES:
        found.append(f"{sizes.added_bytes / 1e6:.1f} MB above the base, the limit is 200")
    if sizes.manifests != 1 or sizes.manifest_media_type not in MANIFESTS:
        found.append(f"not one plain manifest: {sizes.manifest_media_type}")
    if sizes.user in {"", "0", "root", "0:0"}:
        found.append("it runs as root")
    return found


def _layer(layout: Path, digest: str, made_by: str, *, is_base: bool) -> Layer:
    with tarfile.open(_path(layout, digest)) as archive:
        files = [
            (member.name.removeprefix("./"), member.size) for member in archive if member.isfile()
        ]
    return Layer(
        made_by=_short(made_by),
        is_base=is_base,
        files=len(files),
        unpacked_bytes=sum(size for _, size in files),
        model_bytes=sum(size for name, size in files if name.startswith(MODEL_FOLDER)),
        largest=_largest(files),
    )


def _largest(files: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    folders: dict[str, int] = {}
    for name, size in files:
        parts = name.split("/")
        # Below dist-packages the distribution is what tells something, elsewhere the second level.
        depth = parts.index("dist-packages") + 2 if "dist-packages" in parts else 2
        folder = "/".join(parts[:depth]).rpartition("dist-packages/")[2]
        folders[folder] = folders.get(folder, 0) + size
    ranked = sorted(folders.items(), key=lambda one: -one[1])
    return tuple(ranked[:4])


def _short(made_by: str) -> str:
    return " ".join(made_by.replace("/bin/sh -c", "").replace("#(nop)", "").split())[:200]


def _blob(layout: Path, digest: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_path(layout, digest).read_text())
    return content


def _path(layout: Path, digest: str) -> Path:
    algorithm, _, name = digest.partition(":")
    return layout / "blobs" / algorithm / name
