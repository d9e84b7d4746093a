"""The image that `make image` built last: its size, its manifest, its user, its SBOM."""

import json
import os
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

BUILT = Path(__file__).parents[3] / "build" / "image"


@pytest.fixture(params=["x86_64", "arm64"])
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(architecture: str, name: str, target: str) -> str:
    """What a target wrote. `make test` builds no image, so CI asks for it in a job apart."""
    path = BUILT / architecture / name
    if not path.exists():
        reason = f"no image for {architecture} is here: run `make {target} ARCH={architecture}`"
        if architecture in os.environ.get("ZEROIDLE_IMAGES_BUILT", "").split():
            pytest.fail(reason)
        pytest.skip(reason)
    return path.read_text()


@pytest.fixture
def layers(architecture: str) -> dict[str, object]:
    measured: dict[str, object] = json.loads(written(architecture, "layers.json", "image"))
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


def test_its_sbom_is_valid_cyclonedx(architecture: str) -> None:
    bill = written(architecture, "sbom.cdx.json", "image-check")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_one_job_through_it_succeeded(architecture: str) -> None:
    found = json.loads(written(architecture, "check.json", "image-check"))
    assert found["status"] == "succeeded"
