"""Writes the image's software bill of materials in CycloneDX, during the build.

It lists what stands in the image: Debian's packages, Python's distributions, and the model with
its licence, its hash, and the hash of the file it was made from. Run by the Dockerfile.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.license import License
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from zeroidle_image.errors import ImageError, ModelRefusedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the bill and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_image.sbom")
    parser.add_argument("--libraries", type=Path, required=True, help="the image's dist-packages")
    parser.add_argument("--packages", type=Path, required=True, help="dpkg's status file")
    parser.add_argument("--model", type=Path, required=True, help="the model's description (JSON)")
    parser.add_argument("--model-source-sha256", required=True)
    parser.add_argument("--model-licence", required=True, help="empty: the one the model names")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        bom = bill(
            libraries=options.libraries,
            packages=options.packages.read_text(),
            model=model_component(
                json.loads(options.model.read_text()),
                source_sha256=options.model_source_sha256,
                licence=options.model_licence,
            ),
        )
    except ImageError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    options.to.write_text(render(bom))
    sys.stderr.write(f"SBOM: {len(bom.components)} components\n")
    return 0


def bill(*, libraries: Path, packages: str, model: Component) -> Bom:
    """The bill of an image with these contents."""
    contents = [model, *python_components(libraries), *debian_components(packages)]
    image = Component(
        type=ComponentType.CONTAINER,
        name="zeroidle",
        version=metadata_version(libraries),
        bom_ref="image",
    )
    bom = Bom(components=contents)
    bom.metadata.component = image
    bom.register_dependency(image, contents)
    return bom


def render(bom: Bom) -> str:
    """The bill as CycloneDX 1.6 JSON."""
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def metadata_version(libraries: Path) -> str:
    """The version of our own distribution among the libraries."""
    (ours,) = metadata.distributions(name="zeroidle-inference", path=[str(libraries)])
    return ours.version


def model_component(
    description: dict[str, str | int], *, source_sha256: str, licence: str
) -> Component:
    """The model as it ships, and what it was made from.

    Raises:
        ModelRefusedError: nobody names its licence.
    """
    licence = licence or str(description["licence"])
    if not licence:
        raise ModelRefusedError(
            "the model names no licence: say with MODEL_LICENCE which one you have it under"
        )
    name, shipped_sha256 = str(description["name"]), str(description["sha256"])
    source = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=f"{name} (as fetched)",
        bom_ref=f"model:{source_sha256}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=source_sha256)],
    )
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=name,
        version=str(description["quantisation"]),
        bom_ref="model",
        licenses=[_licence(licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=shipped_sha256)],
        pedigree=Pedigree(ancestors=[source]) if shipped_sha256 != source_sha256 else None,
        properties=[
            Property(name="zeroidle:path", value="/opt/model/model.gguf"),
            Property(name="zeroidle:architecture", value=str(description["architecture"])),
        ],
    )


def python_components(libraries: Path) -> Iterator[Component]:
    """Every Python distribution in a folder, with the licence that its metadata names."""
    for distribution in sorted(
        metadata.distributions(path=[str(libraries)]), key=lambda one: one.name.lower()
    ):
        about = distribution.metadata
        licence = (
            _first(about, "License-Expression") or _classified(about) or _first(about, "License")
        )
        yield Component(
            type=ComponentType.LIBRARY,
            name=distribution.name,
            version=distribution.version,
            bom_ref=f"pypi:{distribution.name}",
            purl=PackageURL(
                "pypi",
                name=distribution.name.lower().replace("_", "-"),
                version=distribution.version,
            ),
            licenses=[_licence(licence)] if licence else [],
        )


def debian_components(status: str) -> Iterator[Component]:
    """Every installed package of dpkg's status file. Debian keeps licences as prose, not here."""
    parser = HeaderParser()
    for paragraph in status.split("\n\n"):
        package = parser.parsestr(paragraph)
        if package.get("Status") != "install ok installed":
            continue
        name, version = str(package["Package"]), str(package["Version"])
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            bom_ref=f"deb:{name}",
            purl=PackageURL(
                "deb",
                "debian",
                name,
                version,
                qualifiers={"arch": str(package["Architecture"]), "distro": "debian-12"},
            ),
        )


def _licence(text: str) -> License:
    # Some distributions put the licence's whole text where its name belongs.
    name = text.strip().splitlines()[0][:200]
    return LicenseFactory().make_from_string(name)


def _first(about: "metadata.PackageMetadata", header: str) -> str:
    return next(iter(about.get_all(header, [])), "")


def _classified(about: "metadata.PackageMetadata") -> str:
    prefix = "License :: OSI Approved :: "
    names = [
        one.removeprefix(prefix)
        for one in about.get_all("Classifier", [])
        if one.startswith(prefix)
    ]
    return " and ".join(names)


if __name__ == "__main__":
    sys.exit(main())
