"""Things that come and are forgotten: detached volumes, idle addresses, notebooks, runners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from daemon.demo import dice
from daemon.demo.entities import FOREVER, Entity, Use, meters
from daemon.demo.fleet import HOME_REGION
from daemon.demo.hours import DAY, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing that somebody keeps making and forgetting.

    Attributes:
        prefix: start of its names.
        kind: entity kind.
        account: who pays.
        permille: chance per day that one is made.
        days: shortest and longest life.
        sizes: texts of meters to draw from.
        tags: tag sets to draw from; the empty one is somebody who tags nothing.
        used_permille: part of its life in which somebody uses it.
    """

    prefix: str
    kind: str
    account: str
    permille: int
    days: tuple[int, int]
    sizes: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    used_permille: int


KINDS = (
    Kind(
        prefix="vol",
        kind="volume",
        account="aws:acme-data",
        permille=70,
        days=(20, 110),
        sizes=("ebs.gp3*100", "ebs.gp3*500", "ebs.gp3*250"),
        tags=(("", ""), ("data", "prod"), ("", "")),
        used_permille=150,
    ),
    Kind(
        prefix="vol-dev",
        kind="volume",
        account="aws:acme-ml-dev",
        permille=60,
        days=(15, 80),
        sizes=("ebs.gp3*200", "ebs.gp3*800"),
        tags=(("", ""), ("ml", "dev")),
        used_permille=200,
    ),
    Kind(
        prefix="eip",
        kind="address",
        account="aws:acme-web-dev",
        permille=45,
        days=(10, 150),
        sizes=("vpc.ip*1",),
        tags=(("web", "dev"), ("", "")),
        used_permille=50,
    ),
    Kind(
        prefix="lab",
        kind="notebook",
        account="aws:acme-ml-dev",
        permille=130,
        days=(2, 12),
        sizes=("ec2.g4dn.xlarge*1,ebs.gp3*100", "ec2.m6i.xlarge*1,ebs.gp3*100"),
        tags=(("ml", "dev"), ("research", "dev"), ("machine-learning", "dev")),
        used_permille=600,
    ),
    Kind(
        prefix="disk",
        kind="volume",
        account="gcp:acme-research",
        permille=50,
        days=(20, 120),
        sizes=("gce.pd*200", "gce.pd*500"),
        tags=(("", ""), ("research", "dev")),
        used_permille=150,
    ),
    Kind(
        prefix="snap",
        kind="snapshot",
        account="azure:acme-corp",
        permille=40,
        days=(60, 200),
        sizes=("disks.snapshot*400", "disks.snapshot*900"),
        tags=(("", ""),),
        used_permille=0,
    ),
)


def forgotten(seed: int, span: Span) -> Iterator[Entity]:
    """Give the short-lived things that exist in a span."""
    for kind in KINDS:
        for day in range(span.first_day - kind.days[1], span.end_day):
            if dice.chance(kind.permille, seed, kind.prefix, day):
                entity = _entity(seed, kind, day)
                if entity.gone > span.first:
                    yield entity


def _entity(seed: int, kind: Kind, day: int) -> Entity:
    key = (seed, kind.prefix, day)
    born = day * DAY + dice.between(7, 18, *key, "hour")
    life = dice.between(*kind.days, *key, "life") * DAY
    team, env = dice.pick(kind.tags, *key, "tags")
    metered = meters(dice.pick(kind.sizes, *key, "size"))
    busy = 350 if kind.used_permille else 0
    return Entity(
        name=f"{kind.prefix}-{dice.number(*key, 'name'):016x}"[: len(kind.prefix) + 9],
        kind=kind.kind,
        account=kind.account,
        region=HOME_REGION[kind.account.partition(":")[0]],
        team=team,
        tags={name: value for name, value in (("team", team), ("env", env)) if value},
        born=born,
        gone=min(born + life, FOREVER),
        gpus=sum(1 for meter in metered if "GpuCount" in meter.sku.details),
        use=Use(
            requests_per_hour=6 if busy else 0,
            load="office",
            busy=busy,
            until=born + life * kind.used_permille // 1000,
        ),
        meters=metered,
    )
