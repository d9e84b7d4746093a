"""Which prefix states are kept."""

from zeroidle_inference.engine.prefix import PrefixStates


def test_the_least_recently_used_leaves_first() -> None:
    states = PrefixStates(max_bytes=8)
    states.put((1,), b"1234")
    states.put((2,), b"1234")
    states.get((1,))

    states.put((3,), b"1234")

    assert (1,) in states
    assert (2,) not in states


def test_the_newest_stays_even_when_it_alone_is_too_large() -> None:
    states = PrefixStates(max_bytes=8)
    states.put((1,), b"1234")

    states.put((2,), b"123456789")

    assert (1,) not in states
    assert states.get((2,)) == b"123456789"


def test_a_state_put_again_is_counted_once() -> None:
    states = PrefixStates(max_bytes=8)
    states.put((1,), b"1234")
    states.put((2,), b"12")
    states.put((2,), b"1234")

    assert (1,) in states


def test_a_discarded_state_is_gone() -> None:
    states = PrefixStates(max_bytes=8)
    states.put((1,), b"1234")

    states.discard((1,))
    states.discard((1,))

    assert states.get((1,)) is None
