"""llama.cpp behind the `Decoder` seam: saved states, damaged states, aborts."""

import random
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from e2e.engine.small_engine import decoder_of

from zeroidle_inference.engine import llama
from zeroidle_inference.engine.decoder import Logits, Row
from zeroidle_inference.engine.errors import DecodeError, ModelFileError
from zeroidle_inference.engine.llama import LlamaDecoder
from zeroidle_inference.engine.model import LoadedModel

pytestmark = pytest.mark.model

TEXT = (
    "The driver left the parcel at the corner shop, although the note on the door asked him to "
    "ring twice and to wait. We would like it to be delivered again on Tuesday."
)


def rows(tokens: Sequence[int], *, sequence: int, start: int = 0) -> list[Row]:
    """Rows of which the last wants logits."""
    return [
        Row(token, start + i, sequence, wants_logits=i == len(tokens) - 1)
        for i, token in enumerate(tokens)
    ]


def logits_after(decoder: LlamaDecoder, tokens: Sequence[int], **where: int) -> Logits:
    (logits,) = decoder.decode(rows(tokens, **where))
    return logits.copy()


def test_a_loaded_state_gives_the_logits_of_the_sequence_it_was_saved_from(
    model: LoadedModel,
) -> None:
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        decoder.decode(rows(tokens[:20], sequence=0))
        state = decoder.save(0)
        computed = logits_after(decoder, tokens[20:], sequence=0, start=20)

        assert decoder.load(3, state, length=20)
        loaded = logits_after(decoder, tokens[20:], sequence=3, start=20)

    np.testing.assert_array_equal(loaded, computed)


@pytest.mark.parametrize("at", [20, 31])
def test_a_moved_sequence_goes_on_as_if_it_had_stayed_and_leaves_its_place_empty(
    model: LoadedModel, at: int
) -> None:
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        decoder.decode(rows(tokens[:at], sequence=1))
        decoder.decode(rows(tokens[:at], sequence=3))
        stayed = logits_after(decoder, tokens[at:], sequence=1, start=at)

        assert decoder.move(3, 0)
        moved = logits_after(decoder, tokens[at:], sequence=0, start=at)
        other = logits_after(decoder, tokens[:9], sequence=3)

        np.testing.assert_array_equal(moved, stayed)
        np.testing.assert_array_equal(other, logits_after(decoder, tokens[:9], sequence=2))


def test_a_sequence_that_would_take_too_much_memory_is_not_moved(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = model.tokenize(TEXT)
    monkeypatch.setattr(llama, "MOVED_BYTES", 1000)
    with decoder_of(model) as decoder:
        decoder.decode(rows(tokens[:20], sequence=1))

        assert not decoder.move(1, 0)
        logits_after(decoder, tokens[20:], sequence=1, start=20)


def test_a_state_of_another_length_is_refused_and_leaves_nothing(model: LoadedModel) -> None:
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        expected = logits_after(decoder, tokens, sequence=1)
        decoder.decode(rows(tokens[:20], sequence=0))
        state = decoder.save(0)

        assert not decoder.load(2, state, length=19)
        np.testing.assert_array_equal(logits_after(decoder, tokens, sequence=2), expected)


def test_a_state_cut_short_made_longer_or_of_noise_is_refused_and_leaves_nothing(
    model: LoadedModel,
) -> None:
    tokens = model.tokenize(TEXT)
    noise = random.Random(1)  # noqa: S311 - test data
    with decoder_of(model) as decoder:
        expected = logits_after(decoder, tokens, sequence=1)
        decoder.decode(rows(tokens[:20], sequence=0))
        state = decoder.save(0)
        cuts = [state[:length] for length in (0, 1, 4, 12, 100, len(state) // 2, len(state) - 1)]
        for damaged in (*cuts, state + b"x", bytes(len(state)), noise.randbytes(len(state))):
            assert not decoder.load(2, damaged, length=20)
            np.testing.assert_array_equal(logits_after(decoder, tokens, sequence=2), expected)
            decoder.truncate(2, 0)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_byte_flipped_in_a_states_header_spoils_no_later_sequence(
    model: LoadedModel, flip: int
) -> None:
    """What stays unnoticed here, a checksum must find: files have one."""
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        decoder.decode(rows(tokens[:20], sequence=0))
        state = decoder.save(0)
        decoder.clear()
        expected = logits_after(decoder, tokens[:4], sequence=2)
        decoder.truncate(2, 0)
        for position in range(0, 280, 3):
            damaged = bytearray(state)
            damaged[position] ^= flip
            try:
                if decoder.load(2, bytes(damaged), length=20):
                    logits_after(decoder, tokens[20:24], sequence=2, start=20)
            except DecodeError:
                decoder.clear()
            decoder.truncate(2, 0)
            np.testing.assert_array_equal(
                logits_after(decoder, tokens[:4], sequence=2), expected, err_msg=str(position)
            )
            decoder.truncate(2, 0)


def test_abort_ends_a_long_step_promptly_and_the_decoder_works_after_a_clear(
    model: LoadedModel,
) -> None:
    tokens = (model.tokenize(TEXT) * 60)[:2000]
    with decoder_of(model, context_tokens=2048, sequences=1, max_rows=2048) as decoder:
        expected = logits_after(decoder, tokens[:32], sequence=0)
        decoder.clear()
        abort = threading.Timer(0.2, decoder.abort)
        abort.start()
        started_s = time.monotonic()

        with pytest.raises(DecodeError, match="aborted"):
            decoder.decode(rows(tokens, sequence=0))

        # The whole step takes 3 seconds and more; an abort is looked for after each operation.
        assert time.monotonic() - started_s < 2
        abort.join()
        decoder.clear()
        np.testing.assert_array_equal(logits_after(decoder, tokens[:32], sequence=0), expected)


def test_a_step_of_one_sequence_is_not_touched_by_what_others_hold(model: LoadedModel) -> None:
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        alone = logits_after(decoder, tokens, sequence=0)
        decoder.clear()
        decoder.decode(rows(model.tokenize("Entirely different words."), sequence=1))

        np.testing.assert_array_equal(logits_after(decoder, tokens, sequence=0), alone)


def test_positions_that_do_not_follow_on_are_refused(model: LoadedModel) -> None:
    tokens = model.tokenize(TEXT)
    with decoder_of(model) as decoder:
        decoder.decode(rows(tokens[:5], sequence=0))

        with pytest.raises(DecodeError, match="returned"):
            decoder.decode(rows(tokens[:5], sequence=0, start=9))


def test_a_context_that_llama_cpp_cannot_make_is_an_error_that_says_what_to_do(
    model: LoadedModel,
) -> None:
    with (
        pytest.raises(ModelFileError, match="lower ZEROIDLE_MAX_SEQUENCES"),
        decoder_of(model, context_tokens=256, sequences=300, max_rows=300),
    ):
        pass
