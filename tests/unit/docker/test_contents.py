"""An image that an auditor would refuse is told, with the reason."""

from typing import Any

import pytest

from zeroidle_image.contents import faults

MODEL = "a" * 64


def bill(*models: dict[str, Any]) -> dict[str, Any]:
    return {"components": [{"type": "library", "name": "numpy"}, *models]}


LISTED = {
    "type": "machine-learning-model",
    "hashes": [{"alg": "SHA-256", "content": MODEL}],
    "licenses": [{"license": {"id": "Apache-2.0"}}],
}
SEEN: dict[str, Any] = {
    "user_id": 65534,
    "writable": [],
    "scratch": True,
    "tools": [],
    "model_sha256": MODEL,
    "sbom": bill(LISTED),
}


def test_an_image_as_it_must_be_has_no_faults() -> None:
    assert faults(SEEN) == []


@pytest.mark.parametrize(
    ("seen", "because"),
    [
        ({"user_id": 0}, "it runs as root"),
        ({"writable": ["/", "/etc"]}, "it can write to /, /etc"),
        ({"scratch": False}, "it cannot write to its own /tmp"),
        ({"tools": ["gcc", "pip"]}, "it holds gcc, pip"),
        ({"model_sha256": "b" * 64}, "its SBOM names another model than it holds"),
        ({"sbom": bill(LISTED | {"licenses": []})}, "its SBOM names no licence for the model"),
        ({"sbom": bill()}, "its SBOM lists 0 models"),
    ],
)
def test_what_must_not_ship_is_told(seen: dict[str, Any], because: str) -> None:
    assert faults(SEEN | seen) == [because]
