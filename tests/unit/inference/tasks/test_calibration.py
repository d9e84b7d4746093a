"""Calibrations: what they hold for, what they do, how they are fitted."""

from pathlib import Path

import numpy as np
import pytest
from unit.inference.tasks.task_driver import WordModel

from zeroidle_contract import Classify
from zeroidle_inference.calibrate import fit, from_content_free
from zeroidle_inference.engine.request import Score
from zeroidle_inference.tasks.calibration import Calibration, Shelf, key, written
from zeroidle_inference.tasks.classify import classify

LABELS = ("good", "bad")


def request(document: str = "Fine.", labels: tuple[str, ...] = LABELS) -> Score:
    (score,) = next(classify(Classify(labels=labels), document, WordModel()))
    assert isinstance(score, Score)
    return score


def test_a_calibration_holds_for_one_prompt_whatever_the_document() -> None:
    assert key(request("One.")) == key(request("Two."))
    assert key(request(labels=("good", "poor"))) != key(request())


def test_a_models_file_is_read_back_and_another_model_has_none(tmp_path: Path) -> None:
    made = Calibration(
        labels=LABELS, made_from="labelled sample", texts=9, scale=2.0, offsets=(0.5, -0.5)
    )
    shelf = Shelf(tmp_path)
    (tmp_path / shelf.path("a" * 64).name).write_text(written({"k": made}))

    assert shelf.read("a" * 64) == {"k": made}
    assert shelf.read("b" * 64) == {}


def test_scores_are_scaled_and_shifted() -> None:
    made = Calibration(
        labels=LABELS, made_from="labelled sample", texts=9, scale=2.0, offsets=(0.5, -0.5)
    )

    assert made.apply((-1.0, -2.0)) == pytest.approx((-1.5, -4.5))


def test_texts_without_content_become_equally_likely_to_have_any_label() -> None:
    scores = np.array([[-1.0, -5.0], [-3.0, -7.0]])

    made = from_content_free(scores, LABELS)

    assert made.apply(tuple(scores.mean(axis=0))) == pytest.approx((0.0, 0.0))


def test_a_skewed_sample_gives_the_same_threshold_as_a_balanced_one() -> None:
    dice = np.random.default_rng(1)
    good = np.column_stack([dice.normal(3.0, 1.0, 400), np.zeros(400)])
    bad = np.column_stack([dice.normal(1.0, 1.0, 400), np.zeros(400)])
    balanced = fit(np.vstack([good, bad]), [0] * 400 + [1] * 400, LABELS)
    skewed = fit(np.vstack([good, bad[:100]]), [0] * 400 + [1] * 100, LABELS)

    for made in (balanced, skewed):
        threshold = (made.offsets[1] - made.offsets[0]) / made.scale
        assert threshold == pytest.approx(2.0, abs=0.2)
