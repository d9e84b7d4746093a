"""Invoices whose fields are known: layouts as people write them, filled by a fixed seed.

Development has two layouts, test has seven others, and names and goods of its own. Sums add up.
"""

import calendar
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import Any, Literal

Split = Literal["dev", "test"]

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """One position."""

    description: str
    quantity: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """Of the position."""
        return self.quantity * self.price


@dataclass(frozen=True)
class Invoice:
    """What an invoice says, and how it writes numbers and dates."""

    supplier: str
    customer: str
    number: str
    year: int
    month: int
    day: int
    currency: str
    symbol: str
    is_continental: bool
    tax_per_cent: int
    lines: Sequence[Line]

    @property
    def net(self) -> Decimal:
        """Before tax."""
        return sum((line.amount for line in self.lines), Decimal())

    @property
    def tax(self) -> Decimal:
        """Rounded to a cent."""
        return (self.net * self.tax_per_cent / 100).quantize(_CENT)

    def money(self, value: Decimal) -> str:
        """`1,289.00`, or `1.289,00` on the continent."""
        text = f"{value:,.2f}"
        return text.translate(str.maketrans(",.", ".,")) if self.is_continental else text

    @property
    def month_name(self) -> str:
        """In English."""
        return calendar.month_name[self.month]

    def fields(self) -> dict[str, Any]:
        """The expected answer."""
        return {
            "supplier": self.supplier,
            "customer": self.customer,
            "invoice_number": self.number,
            "invoice_date": f"{self.year}-{self.month:02}-{self.day:02}",
            "currency": self.currency,
            "items": [
                {
                    "description": line.description,
                    "quantity": str(line.quantity),
                    "amount": f"{line.amount:.2f}",
                }
                for line in self.lines
            ],
            "tax": f"{self.tax:.2f}",
            "total": f"{self.net + self.tax:.2f}",
        }


def invoices(split: Split, count: int, *, seed: int = 20) -> list[tuple[str, dict[str, Any]]]:
    """Texts and their expected fields, layout after layout."""
    data = resources.files(__package__) / "data" / "invoices.json"
    pools = json.loads(data.read_text())[split]
    dice = random.Random(f"{split} {seed}")  # noqa: S311 - test data
    layouts = LAYOUTS[split]
    made = [_invoice(pools, dice) for _ in range(count)]
    return [(layouts[i % len(layouts)](each), each.fields()) for i, each in enumerate(made)]


def _invoice(pools: Mapping[str, Any], dice: random.Random) -> Invoice:
    currency, symbol, is_continental = dice.choice(
        [("EUR", "€", True), ("EUR", "€", False), ("GBP", "£", False), ("USD", "$", False)]
    )
    goods = dice.choice(pools["items"])
    return Invoice(
        supplier=dice.choice(pools["supplier"]),
        customer=dice.choice(pools["customer"]),
        number=dice.choice(["INV-{}", "2025-{}", "R{}", "{}/25"]).format(
            dice.randrange(1000, 9999)
        ),
        year=2025,
        month=dice.randrange(1, 13),
        day=dice.randrange(1, 29),
        currency=currency,
        symbol=symbol,
        is_continental=is_continental,
        tax_per_cent=dice.choice([5, 10, 19, 20, 21]),
        lines=[
            Line(description, dice.randrange(1, 9), Decimal(dice.randrange(500, 30000)) / 100)
            for description in dice.sample(goods, dice.randrange(1, min(4, len(goods)) + 1))
        ],
    )


def _table(it: Invoice) -> str:
    rows = "\n".join(
        f"{line.quantity:>3}  {line.description:<28}{it.money(line.price):>12}"
        f"{it.money(line.amount):>13}"
        for line in it.lines
    )
    return (
        f"{it.supplier}\nINVOICE no. {it.number}\nDate: {it.day} {it.month_name} {it.year}\n\n"
        f"Billed to: {it.customer}\n\nQty  Description                       Price       Amount\n"
        f"{rows}\n\n{'Net':>44}{it.money(it.net):>12}\n"
        f"{f'VAT {it.tax_per_cent}%':>44}{it.money(it.tax):>12}\n"
        f"{f'Total {it.currency}':>44}{it.money(it.net + it.tax):>12}\n\nPayable within 30 days."
    )


def _mail(it: Invoice) -> str:
    lines = "\n".join(
        f"- {line.quantity} x {line.description}: {it.symbol}{it.money(line.amount)}"
        for line in it.lines
    )
    return (
        f"Subject: Invoice {it.number}\n\nHello,\n\nplease find below what {it.customer} owes us "
        f"for {it.month_name}. Invoice {it.number} is dated {it.month_name} {it.day}, {it.year}, "
        f"all prices in {it.currency}.\n\n{lines}\n\nTax at {it.tax_per_cent}% is "
        f"{it.symbol}{it.money(it.tax)}, so the total is {it.symbol}"
        f"{it.money(it.net + it.tax)}.\n\nBest wishes,\n{it.supplier}"
    )


def _fields(it: Invoice) -> str:
    lines = "\n".join(
        f"Item: {line.description}\nQuantity: {line.quantity}\n"
        f"Amount: {it.symbol}{it.money(line.amount)}\n"
        for line in it.lines
    )
    return (
        f"Supplier: {it.supplier}\nCustomer: {it.customer}\nInvoice number: {it.number}\n"
        f"Invoice date: {it.day:02}.{it.month:02}.{it.year}\nCurrency: {it.currency}\n\n{lines}\n"
        f"VAT ({it.tax_per_cent}%): {it.symbol}{it.money(it.tax)}\n"
        f"Total: {it.symbol}{it.money(it.net + it.tax)}"
    )


def _markdown(it: Invoice) -> str:
    rows = "\n".join(
        f"| {number} | {line.description} | {line.quantity} | {it.money(line.amount)} |"
        for number, line in enumerate(it.lines, 1)
    )
    return (
        f"# {it.supplier}\n\nInvoice {it.number} of {it.year}-{it.month:02}-{it.day:02} for "
        f"**{it.customer}**\n\n| Pos | Article | Qty | Amount {it.currency} |\n|---|---|---|---|\n"
        f"{rows}\n| | VAT {it.tax_per_cent} % | | {it.money(it.tax)} |\n"
        f"| | Total | | {it.money(it.net + it.tax)} |\n"
    )


def _receipt(it: Invoice) -> str:
    rows = "\n".join(
        f"{line.description.upper()}\n   {line.quantity} @ {it.money(line.price)}"
        f"{it.money(line.amount):>20}"
        for line in it.lines
    )
    return (
        f"      {it.supplier}\n      *** TAX INVOICE ***\nINV NO   {it.number}\n"
        f"DATE     {it.day:02} {it.month_name[:3]} {it.year}\nSOLD TO  {it.customer}\n\n{rows}\n\n"
        f"TAX {it.tax_per_cent}%   {it.money(it.tax)}\nTOTAL {it.currency}   "
        f"{it.money(it.net + it.tax)}\nTHANK YOU"
    )


def _bilingual(it: Invoice) -> str:
    rows = "\n".join(
        f"Pos. {number}: {line.description}\n    Menge / Qty {line.quantity} x "
        f"{it.money(line.price)} = {it.money(line.amount)}"
        for number, line in enumerate(it.lines, 1)
    )
    return (
        f"{it.supplier}\n\nRECHNUNG / INVOICE\nKunde / Customer: {it.customer}\n"
        f"Rechnungs-Nr. / Invoice no.: {it.number}\n"
        f"Datum / Date: {it.day:02}.{it.month:02}.{it.year}\n\n{rows}\n\n"
        f"Netto / Net {it.money(it.net)}\nMwSt. / VAT {it.tax_per_cent} % {it.money(it.tax)}\n"
        f"Gesamt / Total {it.currency} {it.money(it.net + it.tax)}"
    )


def _prose(it: Invoice) -> str:
    parts = "; ".join(
        f"{line.quantity} of {line.description} come to {it.symbol}{it.money(line.amount)}"
        for line in it.lines
    )
    return (
        f"{it.supplier}\n\n{it.day} {it.month_name} {it.year}\n\nTo {it.customer}\n\nThank you for "
        f"your order. As agreed we charge under invoice number {it.number}: {parts}. VAT of "
        f"{it.tax_per_cent} per cent adds {it.symbol}{it.money(it.tax)}, which makes "
        f"{it.symbol}{it.money(it.net + it.tax)} ({it.currency}) in all, payable by transfer.\n"
    )


def _due_first(it: Invoice) -> str:
    rows = "\n".join(
        f"{line.description}; quantity {line.quantity}; {it.symbol}{it.money(line.amount)}"
        for line in it.lines
    )
    return (
        f"AMOUNT DUE: {it.symbol}{it.money(it.net + it.tax)} ({it.currency})\n\n{it.supplier}\n"
        f"Invoice {it.number}, issued {it.month_name} {it.day}, {it.year}\n"
        f"Prepared for {it.customer}\n\n{rows}\n\nTax: {it.symbol}{it.money(it.tax)}\n"
        f"Total: {it.symbol}{it.money(it.net + it.tax)}"
    )


def _columns(it: Invoice) -> str:
    rows = "\n".join(
        f"{line.description:<30}{line.quantity:>5}{it.money(line.amount):>14}" for line in it.lines
    )
    return (
        f"{'INVOICE':<34}{it.supplier}\n{'No. ' + it.number:<34}{it.customer}\n"
        f"{it.day} {it.month_name[:3]}. {it.year}\n\n{'Article':<30}{'Qty':>5}{it.currency:>14}\n"
        f"{rows}\n{'VAT':<35}{it.money(it.tax):>14}\n"
        f"{'To pay':<35}{it.money(it.net + it.tax):>14}"
    )


LAYOUTS: Mapping[Split, Sequence[Callable[[Invoice], str]]] = {
    "dev": (_table, _prose),
    "test": (_mail, _fields, _markdown, _receipt, _bilingual, _due_first, _columns),
}
