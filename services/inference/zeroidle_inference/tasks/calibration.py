"""Calibrations: what a model's liking for a label's wording adds to its score, taken off again.

Made by `python -m zeroidle_inference.calibrate` from a labelled sample or from texts without
content, never from the stream itself: there the commoner label would be taken for a liking. One
file for each model lies beside the prompts; an entry holds for one prompt, its labels included.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from zeroidle_inference.engine.request import Score

FOLDER = "calibrations"
NAME_CHARACTERS = 16


class Calibration(BaseModel):
    """Scores are scaled and shifted before they become probabilities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[str, ...]
    made_from: Literal["labelled sample", "content-free texts"]
    texts: int
    scale: float
    offsets: tuple[float, ...]

    def apply(self, log_probabilities: Sequence[float]) -> tuple[float, ...]:
        """Logits of the labels, up to a constant."""
        return tuple(
            self.scale * value + offset
            for value, offset in zip(log_probabilities, self.offsets, strict=True)
        )


Calibrations = dict[str, Calibration]
_FILE = TypeAdapter(Calibrations)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of a model's file; the one beside the prompts unless told otherwise."""

    folder: Traversable

    def path(self, model_sha256: str) -> Traversable:
        """Where a model's calibrations are."""
        return self.folder / f"{model_sha256[:NAME_CHARACTERS]}.json"

    def read(self, model_sha256: str) -> Calibrations:
        """A model's calibrations by prompt; none if it has no file."""
        path = self.path(model_sha256)
        return _FILE.validate_json(path.read_bytes()) if path.is_file() else {}


def written(calibrations: Calibrations) -> str:
    """A file's text."""
    return json.dumps(_FILE.dump_python(calibrations, mode="json"), indent=2) + "\n"


def shipped() -> Shelf:
    """The calibrations beside the prompts."""
    return Shelf(resources.files(__package__) / FOLDER)


def key(request: Score) -> str:
    """What a calibration holds for: all of the prompt but the document, and the labels."""
    parts = [
        *(f"{message.role}\n{message.text}" for message in request.prompt.messages),
        request.prompt.after_document,
        *request.choices,
    ]
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:NAME_CHARACTERS]


def calibrated(
    request: Score, log_probabilities: Sequence[float], model_sha256: str
) -> list[float]:
    """The scores, calibrated if this model has a calibration for this prompt."""
    calibration = _shipped_for(model_sha256).get(key(request))
    return list(calibration.apply(log_probabilities) if calibration else log_probabilities)


@functools.cache
def _shipped_for(model_sha256: str) -> Calibrations:
    return shipped().read(model_sha256)
