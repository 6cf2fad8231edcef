"""Invoices that a person copies from paper, for sources that cannot say themselves what they cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from config.base import Model
from config.source import SourceName
from config.units import Money
from domain.window import month_window


def _month(value: str) -> str:
    try:
        month_window(value)
    except ValueError:
        raise PydanticCustomError("month", "is no month", {"hint": "write it as `2026-06`"}) from None
    return value


class InvoiceSettings(Model):
    """The total of one invoice, as it stands on it."""

    source: SourceName = Field(description="The source whose charges the invoice is for.")
    period: Annotated[
        str,
        AfterValidator(_month),
        WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-06"]}),
    ] = Field(description="The billing month, `YYYY-MM`, in quotes.")
    amount: Money = Field(
        description="What it says is to be paid for the month, with its currency, written with the digits "
        "that it has: `1234.50 EUR`.",
    )
    account: str = Field(
        default="",
        description="The paying account that it is for, or one that uses; in quotes. Default none, which is "
        "all accounts of the source together, because most sources have one invoice.",
    )
    number: str = Field(
        default="",
        description="The invoice's number, only to show. Default none, because nothing depends on it.",
    )
