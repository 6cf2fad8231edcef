"""`costd reconcile` names what sharing leaves in pools."""

from __future__ import annotations

from acme import Acme
from builders import a_charge

POOL = "ownership: {shared: [{name: platform, when: {namespace: kube-system}}]}\n"


def test_what_nobody_can_share_is_listed_with_its_reason(acme: Acme) -> None:
    system = {"Tags": {"k8s-namespace": "kube-system"}}
    acme.collected(
        a_charge(start="2026-06-10", EffectiveCost="5"),
        a_charge(start="2026-06-10", EffectiveCost="2", **system),
        a_charge(start="2026-06-11", EffectiveCost="3", **system),
        more=POOL,
    )
    ran = acme.costd("reconcile")
    assert ran.status == 0
    assert ran.lines[-2:] == [
        "With shared pools spread, this effective cost stays in its pool:",
        "  $3.00: nobody has direct cost in USD on 2026-06-11 to share 'platform' by",
    ]
    document = acme.costd("reconcile", "--output", "json").json
    assert document["unshared"] == [
        {
            "pool": "platform",
            "period": "2026-06",
            "day": "2026-06-11",
            "currency": "USD",
            "effective": "3",
            "reason": "nobody has direct cost in USD on 2026-06-11 to share 'platform' by",
        }
    ]


def test_where_everything_finds_its_owners_nothing_is_said(acme: Acme) -> None:
    acme.collected(a_charge(start="2026-06-10"), more=POOL)
    ran = acme.costd("reconcile")
    assert "stays in its pool" not in ran.out
    assert acme.costd("reconcile", "--output", "json").json["unshared"] == []
