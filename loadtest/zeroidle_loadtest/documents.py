"""Generated documents of a wanted length in tokens.

Made of words that the byte-pair vocabularies in use hold as one token each (with the space before
them), so that a token is a word or a full stop, whatever the model. Reads as English by its rhythm
only: a load test wants the length, not the sense.
"""

from random import Random

_WORDS = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or "
    "had an they which one you were all her she there would their we him been has when who will no "
    "more if out so up said what its about than into them can only other time new some could these "
    "two may first then do any like my now over such our man me even most made after also did many "
    "off before must well back through years where much your way down should because long each "
    "just state those people too very good world day work life right house place old great part "
    "system water order number set case point public group order study report office city market "
    "company service government program money level field land interest question value process"
).split()

SENTENCE_TOKENS = 14
"""Thirteen words and a full stop."""


def document(tokens: int, random: Random) -> str:
    """A text of this many tokens, within 1 % and one token by SmolLM2's vocabulary."""
    sentences = []
    left = tokens
    while left > 1:
        words = random.choices(_WORDS, k=min(SENTENCE_TOKENS, left) - 1)
        sentences.append(" ".join(words).capitalize() + ".")
        left -= len(words) + 1
    return " ".join(sentences)
