"""How pools are shared and what follows what, as the kernel needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attribution.kinds import FOLLOWERS
from config.ownership import Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """How one pool is shared.

    Attributes:
        even: the same part to everybody, else by direct cost.
        across: owner fields among whose values it is shared.
    """

    even: bool = False
    across: tuple[str, ...] = ("team",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How every pool is shared, and which pools first look for related charges.

    Attributes:
        pools: by name; a pool that is not named here is shared proportionally across teams.
        related: pools (of tax, support, credits) whose charges follow their related ones.
        support_services: patterns of the cloud products that are support.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    related: frozenset[str] = frozenset()

    def pool(self, name: str) -> Pool:
        """Give how a pool is shared."""
        return self.pools.get(name, Pool())


def policy_of(ownership: Ownership) -> Policy:
    """Give the sharing policy of a configuration.

    A configured pool called `tax`, `support` or `credits` takes these over: they are shared
    as it says and follow nothing.
    """
    pools = {pool.name: Pool(even=pool.split == "even", across=pool.across) for pool in ownership.shared}
    follows = {name for name in FOLLOWERS if getattr(ownership.follow, name) == "related"}
    return Policy(pools=pools, related=frozenset(follows - pools.keys()))
