"""Builds one DynamoDB update expression.

Every name and value stands behind a placeholder, so that no attribute can collide with a reserved
word (`status`, `error` and `result` are some).
"""

from typing import Any, TypedDict

ZERO = ":zero"
ONE = ":one"


class UpdateArguments(TypedDict):
    """The part of `update_item`'s arguments that `Update` builds."""

    UpdateExpression: str
    ExpressionAttributeNames: dict[str, str]
    ExpressionAttributeValues: dict[str, Any]


class Update:
    """Collects the changes of one item, and the names and values of its condition."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._sets: list[str] = []
        self._removes: list[str] = []

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute."""
        placeholder = f"#{attribute}"
        self._names[placeholder] = attribute
        return placeholder

    def value(self, value: str | int) -> str:
        """A placeholder for a value."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _low_level(value)
        return placeholder

    def set(self, attribute: str, value: str | int) -> None:
        """Give the attribute this value."""
        self._sets.append(f"{self.name(attribute)} = {self.value(value)}")

    def keep_or_zero(self, attribute: str) -> None:
        """Give the attribute the value 0, if it has none."""
        self._sets.append(f"{self.name(attribute)} = {self._or_zero(attribute)}")

    def increment(self, attribute: str) -> None:
        """Add 1 to the attribute; absent counts as 0."""
        self._values[ONE] = _low_level(1)
        self._sets.append(f"{self.name(attribute)} = {self._or_zero(attribute)} + {ONE}")

    def remove(self, *attributes: str) -> None:
        """Drop the attributes."""
        self._removes += [self.name(attribute) for attribute in attributes]

    def arguments(self) -> UpdateArguments:
        """What `update_item` takes."""
        expression = "SET " + ", ".join(self._sets)
        if self._removes:
            expression += " REMOVE " + ", ".join(self._removes)
        return {
            "UpdateExpression": expression,
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
        }

    def _or_zero(self, attribute: str) -> str:
        self._values[ZERO] = _low_level(0)
        return f"if_not_exists({self.name(attribute)}, {ZERO})"


def _low_level(value: str | int) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": str(value)}
