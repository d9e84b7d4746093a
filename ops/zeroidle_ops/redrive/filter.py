"""Which letters a plan takes: a JMESPath expression over the facts that operators sort by.

An expression that names a field there is not is refused, because JMESPath would silently match
nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from zeroidle_ops.redrive.errors import FilterError
from zeroidle_ops.redrive.facts import LetterFacts

FIELDS: Final = tuple(field.name for field in fields(LetterFacts))

EVERYTHING: Final = "`true`"

Facts = Mapping[str, str | int | bool | None]


class Filter:
    """A compiled expression, for example: code == 'internal' && age_s > `3600`."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        try:
            self._compiled = jmespath.compile(expression)
        except JMESPathError as error:
            raise FilterError(
                f"the filter does not parse: {' '.join(str(error).split())}; "
                "an example: code == 'internal' && age_s > `3600`"
            ) from None
        unknown = sorted(set(_fields(self._compiled.parsed)) - set(FIELDS))
        if unknown:
            raise FilterError(
                f"the filter asks for {', '.join(unknown)}; the fields are {', '.join(FIELDS)}. "
                "Texts stand in single quotes: code == 'internal'"
            )

    def matches(self, facts: Facts) -> bool:
        """True when the expression holds.

        Raises:
            FilterError: the expression fails on these facts, such as a function of a wrong type.
        """
        try:
            result = self._compiled.search(dict(facts))
        except JMESPathError as error:
            raise FilterError(f"the filter fails: {' '.join(str(error).split())}") from None
        return bool(result)


def _fields(node: Mapping[str, Any]) -> Iterator[str]:
    if node["type"] == "field":
        yield str(node["value"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _fields(child)
