"""The way of a dollar, in one call."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from acme import Acme
from builders import a_charge

from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.pipeline import follow
from daemon.progress import Silent
from daemon.query import Query
from daemon.rooms import Rooms


def test_a_dollar_goes_from_the_file_to_its_owner(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", a_charge(EffectiveCost="1", Tags={"team": "ml"}))
    settings = open_settings(acme.folder / "costd.yaml")
    rooms = Rooms(settings=settings, clock=FixedClock(at=datetime(2026, 6, 20, tzinfo=UTC)))
    result = follow(rooms, Query(by=("team",)), Silent())
    assert [(row.values, row.cost) for row in result.rows] == [(("ml",), Decimal(1))]
    assert result.basis == "billed"
    assert result.totals[0].cost == 1
    rooms.state.close()
