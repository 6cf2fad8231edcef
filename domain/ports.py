"""What rooms need of each other, as Protocols; `daemon/assemble.py` joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import polars as pl

    from domain.delivery import Batch, Delivery, PeriodResult
    from domain.invoice import Invoice, NoInvoice
    from domain.message import Intent, Post, PostState
    from domain.own_cost import Paid, Spent
    from domain.price import Asked, NoPrice, Price
    from domain.resource import Found, ResourceId
    from domain.usage import UsageBatch


class Clock(Protocol):
    """The only source of the present."""

    def now(self) -> datetime:
        """Give the present as aware UTC."""
        ...


class Progress(Protocol):
    """Told how far long work has come; a terminal draws it, a daemon ignores it."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin a task of `total` units (None: unknown)."""
        ...

    def advance(self, amount: int) -> None:
        """Count units done since the last call."""
        ...

    def finish(self) -> None:
        """End the task."""
        ...


class Ledger(Protocol):
    """The charges, as other rooms see them: lazy frames of `domain.charge` schemas."""

    def replace(
        self,
        batch: Batch,
        *,
        seen_at: datetime,
        force: bool = False,
        on_rows: Callable[[int], None] = ...,
    ) -> list[PeriodResult]:
        """Store every period of a batch whole, or say per period why not."""
        ...

    def charges(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts (`FACT_SCHEMA`) of committed deliveries."""
        ...

    def attributable(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts whose owners are told: parts in place of what is split, and estimates."""
        ...

    def resources(self) -> pl.LazyFrame:
        """Give the resource dimension (`RESOURCE_SCHEMA`, promoted `x_tag_*`), one row per dim_id."""
        ...

    def prices(self) -> pl.LazyFrame:
        """Give the price dimension (`PRICE_SCHEMA`), one row per price_id."""
        ...

    def as_first_seen(self, at: datetime) -> pl.LazyFrame:
        """Give the daily cube (`CUBE_SCHEMA`) as it was known at an instant."""
        ...

    def cube(self) -> pl.LazyFrame:
        """Give every changed cell of every committed delivery (`CUBE_SCHEMA`)."""
        ...

    def deliveries(self, *, since: datetime | None = None) -> list[Delivery]:
        """List committed deliveries, oldest first."""
        ...


@runtime_checkable
class Invoices(Protocol):
    """A source that can say what a billing period cost, apart from the charges it exports.

    A collector that has this method is asked by `costd reconcile --period`.
    """

    def invoiced(self, period: str) -> Invoice | NoInvoice:
        """Give what the provider says a month (`YYYY-MM`) cost, or why it does not.

        Raises:
            SourceError: the provider could not be asked.
        """
        ...


class PriceBook(Protocol):
    """Dated prices; every one says where and when it came from."""

    def price(self, asked: Asked, at: datetime) -> Price | NoPrice:
        """Give the newest price that was in force at an instant, or why there is none."""
        ...


class Inventory(Protocol):
    """What exists, read from where it exists."""

    def get(self, which: ResourceId) -> Found:
        """Read one thing anew from the source, never from a cache; it does not raise."""
        ...

    def list(self, kind: str) -> Iterable[Found]:
        """Give everything of a kind as last seen; one `Unknown` alone where the listing is not complete."""
        ...


class Evidence(Protocol):
    """What was measured of a thing lately."""

    def recent(self, which: ResourceId) -> pl.DataFrame | None:
        """Give its newest `POD_HOURS` or `DEVICE_HOURS`; None where nothing measures it."""
        ...


class UsageLedger(Protocol):
    """Hours of usage, as other rooms see them: lazy frames of `domain.usage`."""

    def replace_usage(self, batch: UsageBatch, *, seen_at: datetime) -> None:
        """Store whole hours of a cluster, with the cursor, in one durable step."""
        ...

    def usage(
        self,
        frame: str,
        *,
        clusters: Iterable[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """Give a frame of `domain.usage.FRAMES` by name, of the hours `[start, end)`, with its `source`."""
        ...

    def usage_cursor(self, source: str) -> dict[str, object]:
        """Give what the collector stored with its last batch; empty before the first."""
        ...


class ClusterWorld(Protocol):
    """A simulated company's clusters; `daemon/demo/` implements it."""

    def clusters(self) -> tuple[str, ...]:
        """Name the clusters."""
        ...

    def usage(self, cluster: str, start: datetime, end: datetime) -> dict[str, pl.DataFrame]:
        """Give the frames of `domain.usage.FRAMES` of whole hours of one UTC day."""
        ...


class BillingWorld(Protocol):
    """A simulated company as its bill collectors see it; `daemon/demo/` implements it."""

    def first_day(self) -> date:
        """Give the first day that the world has a bill for."""
        ...

    def bill(
        self, provider: str, period: str, *, seen_at: datetime, hourly_from: date | None = None
    ) -> pl.DataFrame:
        """Give a month's charges (`domain.charge.RAW_SCHEMA`) as delivered up to `seen_at`.

        Days are whole rows; from the day `hourly_from` on, providers that can bill by the hour.
        """
        ...

    def delivered_through(self, provider: str, *, seen_at: datetime) -> datetime:
        """Give the instant before which the provider's bill is complete, as of `seen_at`."""
        ...


class RequestBudget(Protocol):
    """What costd itself spends on requests, kept across restarts so that no day costs more than was said."""

    def take(self, paid: Paid, *, limit: int, now: datetime) -> bool:
        """Count what is about to be asked; False, and nothing counted, beyond the limit of a UTC day."""
        ...

    def left(self, source: str, service: str, *, limit: int, now: datetime) -> int:
        """Give how many units the UTC day still allows."""
        ...

    def spent(self, *, since: date) -> list[Spent]:
        """List what was asked from a day on, by source, service and day."""
        ...


class Outbox(Protocol):
    """What was meant to be sent, stored before it is, so that it is sent once."""

    def claim(self, post: Post, *, epoch: int, now: datetime, until: datetime) -> Intent:
        """Intend a message, or take over one whose sender stopped; `claimed` says whether to send.

        Raises:
            ConflictError: the epoch is not that of the leader; 0 is for people, who need not lead.
        """
        ...

    def arrived(self, intent: Intent, ts: str) -> None:
        """Note that a claimed message arrived; what belongs below it may still be missing."""
        ...

    def later(self, intent: Intent, *, at: datetime, unsure: bool, reason: str) -> None:
        """Let go of a claimed message, to be tried again."""
        ...

    def end(self, intent: Intent, state: PostState, reason: str = "", *, at: datetime) -> None:
        """Note how a message ended."""
        ...

    def intents(self, kind: str, channel: str) -> list[Intent]:
        """List what is stored of the messages of a kind to a channel, the newest day first."""
        ...
