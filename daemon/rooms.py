"""The rooms as one run sees them: opened when first needed, shared by commands and pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from daemon import assemble
from daemon.logs import get_logger
from domain.errors import StorageError

if TYPE_CHECKING:
    from datetime import datetime

    from attribution.ownership import Rules
    from config.settings import Settings
    from daemon.invocation import Invocation
    from daemon.sources import SourceView
    from domain.ports import Clock
    from ledger.charges import ChargeLedger
    from ledger.price_book import LedgerPriceBook
    from ledger.state import State


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """What a command works with.

    Attributes:
        settings: the configuration.
        clock: the present, which `--now` may have replaced.
    """

    settings: Settings
    clock: Clock

    @classmethod
    def of(cls, run: Invocation) -> Rooms:
        """Give the rooms that a call of `costd` asks for.

        Raises:
            ConfigError: the configuration cannot be used.
            UsageError: `--now` where it is refused.
        """
        return cls(settings=run.settings(), clock=run.clock())

    @cached_property
    def ledger(self) -> ChargeLedger:
        """Open the charges."""
        return assemble.build_ledger(self.settings, self.rules)

    @cached_property
    def price_book(self) -> LedgerPriceBook:
        """Open the price book."""
        from daemon.price_feeds import build_price_book

        return build_price_book(self.settings, self.ledger)

    @cached_property
    def state(self) -> State:
        """Open the state database, migrated to this version."""
        state = assemble.build_state(self.settings)
        state.open()
        return state

    @cached_property
    def rules(self) -> Rules:
        """Compile the ownership rules."""
        return assemble.build_rules(self.settings)

    @property
    def is_demo(self) -> bool:
        """Tell whether the numbers are of the simulated company."""
        return assemble.is_demo(self.settings)

    def recover(self, *, repairing: bool = False) -> None:
        """Make the state's mirror of deliveries equal to the ledger's log, where a crash left it behind.

        The log of the charges is the truth; the mirror only makes `status` quick. What a
        failing disk took from the ledger is only logged where it can be collected anew.

        Raises:
            StorageError: files of the ledger are missing or cut off.
        """
        recovered = self.ledger.recover()
        for damage in recovered.damage:
            if not repairing:
                raise StorageError(damage)
            get_logger().error("ledger_damaged", reason=damage)
        newest = {(d.source, d.billing_period): d.id for d in recovered.deliveries}
        mirrored = {
            (p.source, p.billing_period): p.delivery_id for p in self.state.periods() if p.delivery_id
        }
        if newest != mirrored:
            self.state.rebuild(recovered.deliveries)

    def sources(self, as_of: datetime | None = None) -> list[SourceView]:
        """Give how far each source may be trusted, now or as was known at an instant."""
        from daemon.sources import ATTRIBUTED, source_views, views_as_of

        views = source_views(self.settings.sources, self.state.sources(), self.clock.now())
        if as_of is not None:
            return views_as_of(views, self.ledger.deliveries(), as_of)
        held: dict[str, list[str]] = {}
        for period in self.state.periods():
            if period.gate == ATTRIBUTED:
                held.setdefault(period.source, []).append(period.billing_period)
        return [replace(view, withheld=tuple(held.get(view.name, ()))) for view in views]
