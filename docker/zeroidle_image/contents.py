"""Judges what `contents_probe.py` saw inside an image. Knows nothing of how it is run."""

from collections.abc import Mapping
from typing import Any


def faults(seen: Mapping[str, Any]) -> list[str]:
    """What a finished image must not be or hold, each as a clause."""
    found = []
    if seen["user_id"] == 0:
        found.append("it runs as root")
    if seen["writable"]:
        found.append(f"it can write to {', '.join(seen['writable'])}")
    if not seen["scratch"]:
        found.append("it cannot write to its own /tmp")
    if seen["tools"]:
        found.append(f"it holds {', '.join(seen['tools'])}")
    return found + _faults_of_bill(seen["sbom"], seen["model_sha256"])


def _faults_of_bill(bill: Mapping[str, Any], model_sha256: str) -> list[str]:
    models = [one for one in bill["components"] if one["type"] == "machine-learning-model"]
    if len(models) != 1:
        return [f"its SBOM lists {len(models)} models"]
    found = []
    if {"alg": "SHA-256", "content": model_sha256} not in models[0].get("hashes", []):
        found.append("its SBOM names another model than it holds")
    if not models[0].get("licenses"):
        found.append("its SBOM names no licence for the model")
    return found
