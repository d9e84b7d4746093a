"""The image that `make image` built last: its size, its manifest, its user."""

import json
import os
from pathlib import Path

import pytest

BUILT = Path(__file__).parents[3] / "build" / "image"


@pytest.fixture(params=["x86_64", "arm64"])
def layers(request: pytest.FixtureRequest) -> dict[str, object]:
    """What the build measured. `make test` builds no image, so CI asks for it in a job apart."""
    path = BUILT / request.param / "layers.json"
    if not path.exists():
        reason = f"no image for {request.param} is built: run `make image ARCH={request.param}`"
        if request.param in os.environ.get("ZEROIDLE_IMAGES_BUILT", "").split():
            pytest.fail(reason)
        pytest.skip(reason)
    measured: dict[str, object] = json.loads(path.read_text())
    return measured


def test_above_the_base_and_without_the_model_it_adds_at_most_200_mb(
    layers: dict[str, int],
) -> None:
    assert 0 < layers["added_bytes"] <= 200_000_000


def test_it_is_one_plain_manifest(layers: dict[str, object]) -> None:
    assert layers["manifests"] == 1
    assert layers["manifest_media_type"] == "application/vnd.oci.image.manifest.v1+json"


def test_it_does_not_run_as_root(layers: dict[str, object]) -> None:
    assert layers["user"] == "65534:65534"
