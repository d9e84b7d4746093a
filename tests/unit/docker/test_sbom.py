"""The bill is valid CycloneDX and lists packages, distributions and the model."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from zeroidle_image import sbom
from zeroidle_image.errors import ModelRefusedError

SHIPPED, SOURCE = "a" * 64, "b" * 64
DESCRIPTION: dict[str, str | int] = {
    "name": "Small", "architecture": "llama", "quantisation": "Q4_0", "licence": "apache-2.0",
    "sha256": SHIPPED,
}  # fmt: skip
STATUS = """Package: zlib1g
Status: install ok installed
Architecture: arm64
Version: 1:1.2.13

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1
"""


@pytest.fixture
def bill() -> dict[str, Any]:
    libraries = Path(str(metadata.distribution("numpy").locate_file("")))
    model = sbom.model_component(DESCRIPTION, source_sha256=SOURCE, licence="")
    text = sbom.render(sbom.bill(libraries=libraries, packages=STATUS, model=model))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


def component(bill: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in bill["components"] if one["name"] == name]
    return dict(found)


def test_the_model_has_its_licence_and_its_hash(bill: dict[str, Any]) -> None:
    model = component(bill, "Small")
    assert model["type"] == "machine-learning-model"
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert model["hashes"] == [{"alg": "SHA-256", "content": SHIPPED}]


def test_a_requantised_model_names_the_file_it_was_made_from(bill: dict[str, Any]) -> None:
    (ancestor,) = component(bill, "Small")["pedigree"]["ancestors"]
    assert ancestor["hashes"] == [{"alg": "SHA-256", "content": SOURCE}]


def test_a_distribution_has_version_and_licence(bill: dict[str, Any]) -> None:
    numpy = component(bill, "numpy")
    assert numpy["purl"] == f"pkg:pypi/numpy@{metadata.version('numpy')}"
    assert numpy["licenses"]


def test_a_debian_package_counts_only_while_it_is_installed(bill: dict[str, Any]) -> None:
    assert component(bill, "zlib1g")["version"] == "1:1.2.13"
    assert "gone" not in {one["name"] for one in bill["components"]}


def test_a_licence_that_is_told_wins_over_the_files_own() -> None:
    model = sbom.model_component(DESCRIPTION, source_sha256=SOURCE, licence="Llama-3 licence")
    assert [one.name for one in model.licenses if hasattr(one, "name")] == ["Llama-3 licence"]


def test_a_model_without_a_licence_is_refused() -> None:
    with pytest.raises(ModelRefusedError, match="MODEL_LICENCE"):
        sbom.model_component(DESCRIPTION | {"licence": ""}, source_sha256=SOURCE, licence="")
