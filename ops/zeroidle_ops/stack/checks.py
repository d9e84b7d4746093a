"""What can be wrong with a deployment's parameters together; each alone is checked before."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zeroidle_contract import Prices
from zeroidle_ops.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

LOADED_PER_FILE_BYTE = 1.17
"""Memory of a loaded model for each byte of its file: 5.5 GiB for 4.7 GiB (docs/models.md)."""

_MIB = 1 << 20


def check_together(parameters: Mapping[str, str]) -> None:
    """Do these parameters go together?

    Raises:
        DeploymentError: with every pair that does not.
    """
    mistakes = []
    maximum, reserved = (
        int(parameters["MaximumConcurrency"]),
        int(parameters["ReservedConcurrency"]),
    )
    if 0 < reserved < maximum:
        mistakes.append(
            f"ReservedConcurrency ({reserved}) is below MaximumConcurrency ({maximum}): throttled "
            "batches would burn receives; raise it, or set it to 0"
        )
    if int(parameters["BatchSize"]) > 10 and parameters["BatchingWindowSeconds"] == "0":  # noqa: PLR2004 - Lambda's rule
        mistakes.append("BatchSize above 10 needs BatchingWindowSeconds of at least 1")
    if mistakes:
        raise DeploymentError("; ".join(mistakes))


def check_image(ecr: "ECRClient", parameters: Mapping[str, str]) -> None:
    """Is the image there, a plain one, and its model small enough for the function's memory?

    The model is the largest layer by far, and weights do not compress: its size in the registry is
    that of the file, nearly.

    Raises:
        DeploymentError: it would not start.
    """
    repository, digest = parameters["ImageUri"].split("/", 1)[1].split("@")
    details = ecr.batch_get_image(
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=[
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.oci.image.manifest.v1+json",
        ],
    )
    manifests = [json.loads(image["imageManifest"]) for image in details.get("images", [])]
    plain = [manifest for manifest in manifests if "layers" in manifest]
    if not plain:
        raise DeploymentError(
            f"there is no plain image {digest} in {repository}; push it first (an index with "
            "attestations is none: Lambda refuses it)"
        )
    check_model_fits(max(int(layer["size"]) for layer in plain[0]["layers"]), parameters)


def check_model_fits(model_bytes: int, parameters: Mapping[str, str]) -> None:
    """Raises DeploymentError when a model of this size cannot be loaded."""
    memory_mb = int(parameters["MemoryMb"])
    needed_mb = int(model_bytes * LOADED_PER_FILE_BYTE / _MIB) + 1
    if needed_mb > memory_mb:
        raise DeploymentError(
            f"the model takes about {needed_mb} MB of memory and MemoryMb is {memory_mb}; raise it "
            "(10240 is the most), or take a smaller model"
        )


def daily_busy_ms(usd: float, parameters: Mapping[str, str], prices: Prices) -> int:
    """How long a function of this size may run a day for so much money."""
    per_gb_second = getattr(prices.aws_lambda, f"{parameters['Architecture']}_gb_second")
    gb = int(parameters["MemoryMb"]) / 1024
    return int(usd / (per_gb_second * gb) * 1000)
