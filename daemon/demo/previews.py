"""Pull requests and their preview environments: born, used, closed, sometimes left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from daemon.demo import dice
from daemon.demo.entities import Entity, Use, meters
from daemon.demo.hours import DAY, Span, day_number, day_of
from daemon.demo.seasons import office_factor

CLUSTER = "prod-eu"
ACCOUNT = "aws:acme-web-dev"
REGION = "eu-central-1"
_REPOSITORIES = (
    ("acme/shop", "web", "shop"),
    ("acme/search", "web", "search"),
    ("acme/mobile-api", "mobile", "mobile-api"),
    ("acme/ingest", "data", "events"),
)
_LIVES = (4, 7, 10, 26, 29, 33, 50, 54, 98, 124)
_LONGEST_DAYS = 75
_NUMBERS_A_DAY = 3
_FIRST_DAY = day_number(date(2018, 1, 1))

_PARTS = (
    ("pods", "deployment", "fargate.cpu*1.5,fargate.memory*5"),
    ("db", "database", "rds.t4g.medium*1,rds.storage*20"),
    ("lb", "load_balancer", "elb.hours*1,elb.lcu*0.3"),
    ("volume", "volume", "ebs.gp3*40"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request that got an environment of its own.

    Attributes:
        number: unique over all repositories of the company.
        repository: `owner/name`.
        team, service: whose it is.
        opened, pushed, closed: hours of opening, last push, and merge or close.
        removed: hour at which its environment is gone without anybody's help.
        leftover: which parts outlive the teardown; "all" where it never ran.
    """

    number: int
    repository: str
    team: str
    service: str
    opened: int
    pushed: int
    closed: int
    removed: int
    leftover: tuple[str, ...]

    @property
    def environment(self) -> str:
        """Name its environment, which is a namespace of the cluster."""
        return f"{CLUSTER}/pr-{self.number}"

    @property
    def tags(self) -> dict[str, str]:
        """Give the tags that its pipeline puts on everything it makes."""
        return {
            "team": self.team,
            "env": "preview",
            "service": self.service,
            "pull-request": str(self.number),
            "repository": self.repository,
        }

    @property
    def namespace(self) -> Entity:
        """Give the namespace that holds its environment; what is outside it may outlive it."""
        return Entity(
            name=self.environment,
            kind="namespace",
            account=ACCOUNT,
            region=REGION,
            team=self.team,
            tags=self.tags,
            born=self.opened,
            gone=self.removed if "all" in self.leftover else self.closed + DAY,
            parent=CLUSTER,
            use=self.use,
        )

    @property
    def use(self) -> Use:
        """Give what people do with it: a look now and then, until a while after the last push."""
        return Use(requests_per_hour=14, load="office", busy=60, until=self.pushed + 3)


def pull_requests(seed: int, span: Span) -> Iterator[PullRequest]:
    """Give the pull requests whose environment or leftovers exist in a span."""
    for day in range(span.first_day - _LONGEST_DAYS, span.end_day):
        for slot in range(_opened(seed, day)):
            found = _pull_request(seed, day, slot)
            if found.removed > span.first:
                yield found


def _opened(seed: int, day: int) -> int:
    today = day_of(day)
    if today.weekday() >= 5 or office_factor(today) < 1000:
        return 0
    return dice.between(1, _NUMBERS_A_DAY, seed, "pulls", day)


def _pull_request(seed: int, day: int, slot: int) -> PullRequest:
    key = (seed, "pull", day, slot)
    repository, team, service = dice.pick(_REPOSITORIES, *key, "repository")
    opened = day * DAY + dice.between(8, 16, *key, "hour")
    closed = opened + dice.pick(_LIVES, *key, "life")
    fate = dice.between(0, 999, *key, "fate")
    late = closed + DAY * dice.between(18, 60, *key, "swept")
    leftover: tuple[str, ...]
    if fate < 40:
        removed, leftover = late, ("all",)
    elif fate < 110:
        removed, leftover = late, ("db", "volume")
    else:
        removed, leftover = closed + DAY, ()
    return PullRequest(
        number=(day - _FIRST_DAY) * _NUMBERS_A_DAY + slot + 1,
        repository=repository,
        team=team,
        service=service,
        opened=opened,
        pushed=opened + (closed - opened) * dice.between(20, 90, *key, "pushed") // 100,
        closed=closed,
        removed=removed,
        leftover=leftover,
    )


def environment(pull: PullRequest) -> Iterator[Entity]:
    """Give the parts of a pull request's environment."""
    for part, kind, text in _PARTS:
        stays = part in pull.leftover or "all" in pull.leftover
        own = {"aws:eks:cluster-name": CLUSTER, "aws:eks:namespace": f"pr-{pull.number}"}
        own |= {"aws:eks:workload-name": pull.service, "aws:eks:workload-type": "Deployment"}
        yield Entity(
            name=f"{pull.environment}/{part}",
            kind=kind,
            account=ACCOUNT,
            region=REGION,
            team=pull.team,
            tags=pull.tags | own if kind == "deployment" else pull.tags,
            born=pull.opened,
            gone=pull.removed if stays else pull.closed + DAY,
            parent=pull.environment,
            use=pull.use,
            meters=meters(text),
        )
