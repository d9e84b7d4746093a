"""The invoice that `extract` is measured on: its expected JSON, and the schemas that lead to it."""

from collections.abc import Callable, Mapping
from typing import Any

_INVOICE = {
    "supplier": "Northwind Paper Ltd",
    "customer": "Harbour Street Books",
    "invoice_number": "NW-2025-0417",
    "invoice_date": "2025-04-17",
    "currency": "EUR",
    "tax": "56.30",
    "total": "352.60",
}
_INVOICE_ITEMS = (
    {"description": "Copy paper A4, box", "quantity": "12", "amount": "286.80"},
    {"description": "Delivery", "quantity": "1", "amount": "9.50"},
)
EXPECTED: dict[str, Any] = {**_INVOICE, "items": _INVOICE_ITEMS}
"""An invoice of ordinary length: what the answers on synthetic weights are as long as."""


def schema() -> dict[str, Any]:
    """The contract's invoice with two items, so that a small model's answer is no longer."""
    line = {"type": "string", "maxLength": 40}
    money = {"type": "string", "pattern": "^[0-9]{1,6}[.][0-9]{2}$"}
    return _invoice(
        {
            **dict.fromkeys(("supplier", "customer"), line),
            "invoice_number": {"type": "string", "maxLength": 20},
            "invoice_date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "description": line,
            "quantity": {"type": "string", "pattern": "^[0-9]{1,3}$"},
            **dict.fromkeys(("amount", "tax", "total"), money),
        }
    )


def digits_schema(count: Callable[[str], int]) -> dict[str, Any]:
    """The same invoice for weights without meaning.

    Each value is as many digits as the expected value has tokens; a digit is one token, so the
    number of sampled tokens is fixed.
    """
    return _invoice(
        {
            name: {"type": "string", "pattern": f"^[0-9]{{{count(value)}}}$"}
            for name, value in {**_INVOICE, **_INVOICE_ITEMS[0]}.items()
        }
    )


def _invoice(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    def of(*names: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        properties = {name: fields[name] for name in names if name in fields} | more
        return {
            "type": "object",
            "properties": {name: properties[name] for name in names},
            "required": list(names),
            "additionalProperties": False,
        }

    item = of("description", "quantity", "amount")
    items = {"type": "array", "minItems": 2, "maxItems": 2, "items": item}
    return of(*_INVOICE, "items", items=items)
