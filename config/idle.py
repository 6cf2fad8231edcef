"""The `idle:` part of costd.yaml: what is taken for unused, as rules that can be replayed over history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from config.base import Model
from config.idle_parts import Hours, Scope, Unless
from config.source import SourceName
from config.units import ByteSize, Percent, PositiveDuration

PACKAGED = "defaults/idle.yaml"
"""The rules that hold without any of your own, as they would stand in costd.yaml."""


class IdleRule(Model):
    """What every rule has."""

    kind: str = Field(description="What the rule looks for, e.g. `gpu_idle`.")
    name: SourceName = Field(
        description="Name of the rule in lists and commands: 1 to 40 of `a-z`, `0-9` and `-`, unique."
    )
    match: Scope = Field(
        default_factory=Scope, description="Only what fits is judged. Default everything that is measured."
    )
    spare: Scope | None = Field(
        default=None,
        description="What fits is never judged. Default nothing, because only you know what must stand by.",
    )


class SpellRule(IdleRule):
    """A rule that holds once something has been so for a time without a break."""

    lasting: Hours = Field(
        default=timedelta(hours=1),
        alias="for",
        description="How long it must have been so, in whole hours, because usage is kept by the hour; a "
        "length of time. Default `1h`, which is what most GPU cullers wait; longer spares more.",
    )
    bridge: Hours = Field(
        default=timedelta(hours=6),
        description="Longest stretch of hours without a measurement that does not end a spell; such hours "
        "never count as idle. A length of time. Default `6h`: shorter than a night without metrics.",
    )


class GpuIdle(SpellRule):
    """GPUs that a pod holds and does not compute with."""

    kind: Literal["gpu_idle"] = Field(description="The kind of rule: `gpu_idle`.")
    gpu_active_below: Percent = Field(
        default=Decimal("0.05"),
        description="Share of the time that the GPU ran anything, below which an hour counts as idle. "
        "Default `5%`, because monitoring itself can wake a GPU for a moment.",
    )
    signal: Literal["highest", "average"] = Field(
        default="highest",
        description="Which share of the hour is compared: its `highest` moment, or its `average`, which "
        "calls some four times as much idle. Default `highest`, because a job that computes in bursts is at "
        "work.",
    )
    tensor_below: Percent | None = Field(
        default=Decimal("0.01"),
        description="Share of the time that tensor cores ran, from which an hour is work whatever else "
        "says. Default `1%`; not measured says nothing.",
    )
    power_below: Percent | None = Field(
        default=Decimal("0.6"),
        description="Share of the card's power limit, from which a GPU that looks idle is unknown instead, "
        "because the signals disagree. Default `60%`: held memory alone draws up to a half on small cards.",
    )
    unless: tuple[Unless, ...] = Field(
        default=(Unless(requests_above=0),),
        description="Signs of work; one is enough to spare the hour. Default `requests_above: 0`, because a "
        "model server that answers is at work, however quiet its GPU.",
    )


class GpuFree(SpellRule):
    """GPUs of a node that no pod has claimed."""

    kind: Literal["gpu_free"] = Field(description="The kind of rule: `gpu_free`.")
    lasting: Hours = Field(
        default=timedelta(hours=2),
        alias="for",
        description="How long nobody must have claimed it, in whole hours; a length of time. Default `2h`, "
        "because an autoscaler and a queue need a while.",
    )


class LookBackRule(IdleRule):
    """A rule that judges a stretch of the past as a whole."""

    over: Hours = Field(
        default=timedelta(days=7),
        description="Stretch that is judged, in whole hours; a length of time. Default `7d`, so that every "
        "day of the week is in it.",
    )
    measured_at_least: Percent = Field(
        default=Decimal("0.9"),
        description="Share of the stretch that must be measured, else it is unknown. Default `90%`, because "
        "what was not seen may be the peak.",
    )


class GpuWrongClass(LookBackRule):
    """Whole GPUs whose work would fit a smaller card, or a part of the same one."""

    kind: Literal["gpu_wrong_class"] = Field(description="The kind of rule: `gpu_wrong_class`.")
    memory_headroom: Percent = Field(
        default=Decimal("0.2"),
        description="Share added to the most memory that was held, before a card is said to fit. Default "
        "`20%`, because running out of GPU memory ends a job.",
    )
    busy_at_most: Percent = Field(
        default=Decimal("0.8"),
        description="Highest share of the time that the smaller card may compute, at the 95th percentile of "
        "hours. Default `80%`, so that work hardly waits.",
    )


class CpuMemorySlack(LookBackRule):
    """Workloads that request more CPU or memory than they use."""

    kind: Literal["cpu_memory_slack"] = Field(description="The kind of rule: `cpu_memory_slack`.")
    cpu_headroom: Percent = Field(
        default=Decimal("0.25"),
        description="Share added to the 95th percentile of the CPU that pods used. Default `25%`: CPU that "
        "is short slows down, and an hour's average hides peaks.",
    )
    memory_headroom: Percent = Field(
        default=Decimal("0.3"),
        description="Share added to the most memory that a pod used. Default `30%`, because memory that is "
        "short kills the pod.",
    )
    least_saving: Percent = Field(
        default=Decimal("0.3"),
        description="Share of a request that must be spare before it is worth a change. Default `30%`, "
        "because every change is a restart.",
    )


class Abandoned(LookBackRule):
    """Running workloads that nobody talks to."""

    kind: Literal["abandoned"] = Field(description="The kind of rule: `abandoned`.")
    traffic_below: ByteSize = Field(
        default=2 * 2**20,
        description="Bytes a pod sends in an hour, below which nobody talks to it; a size. Default `2MiB`, "
        "some 600 bytes a second, which health checks and metrics come to.",
    )
    cpu_below: Decimal = Field(
        default=Decimal("0.05"),
        ge=0,
        le=64,
        description="Cores (a number) from which a quiet workload is at work all the same. Default 0.05, "
        "which an idle runtime stays under.",
    )
    workload_kinds: tuple[str, ...] = Field(
        default=("Deployment", "StatefulSet"),
        min_length=1,
        description="Kinds of workload that are judged. Default Deployment and StatefulSet, because batch "
        "work need not talk to anybody.",
    )


MODELS: dict[str, type[IdleRule]] = {
    "gpu_idle": GpuIdle,
    "gpu_free": GpuFree,
    "gpu_wrong_class": GpuWrongClass,
    "cpu_memory_slack": CpuMemorySlack,
    "abandoned": Abandoned,
}
"""Every kind of rule with what reads it."""


def _of_a_known_kind(value: Any) -> Any:
    """Say what is wrong with a `kind` in our words: the nearest one, or all."""
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("kind", ""))
    if kind not in MODELS:
        near = get_close_matches(kind.replace("-", "_"), MODELS, n=1, cutoff=0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"known kinds: {', '.join(MODELS)}"
        said = "unknown kind of rule" if kind else "has no `kind`"
        raise PydanticCustomError("idle_kind", "{said}", {"said": said, "hint": hint})
    return value


Rule = Annotated[
    Annotated[GpuIdle | GpuFree | GpuWrongClass | CpuMemorySlack | Abandoned, Field(discriminator="kind")],
    BeforeValidator(_of_a_known_kind),
]
"""One rule, read by the model of its kind."""


def _named_once(rules: tuple[Rule, ...] | None) -> tuple[Rule, ...] | None:
    names = [rule.name for rule in rules or ()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        hint = "rename one of them: commands and findings tell rules apart by name"
        raise PydanticCustomError(
            "rule_twice", "two rules are called {name}", {"name": twice[0], "hint": hint}
        )
    return rules


class IdleSettings(Model):
    """What is taken for unused."""

    rules: Annotated[tuple[Rule, ...] | None, AfterValidator(_named_once)] = Field(
        default=None,
        description="The rules, in the order of lists; they replace the packaged ones. Default those, which "
        "`costd idle rules` prints to copy.",
    )
    window: PositiveDuration = Field(
        default=timedelta(days=7),
        le=timedelta(days=92),
        description="How far back spells are followed and money is counted; a length of time up to `92d`. "
        "Default `7d`, because what is idle for longer is found all the same.",
    )

    def in_force(self) -> tuple[Rule, ...]:
        """Give the rules that hold: those of the configuration, or the packaged ones."""
        return packaged_rules() if self.rules is None else self.rules


class GpuQuota(Model):
    """GPU-hours that a team may use in a UTC month."""

    team: str = Field(min_length=1, description="The team, as ownership rules name it.")
    model: str = Field(
        default="*",
        min_length=1,
        description="Model of the GPU as `costd idle gpus` lists it, or a glob: `*H100*`. Default `*`, all "
        "models together, because hours are bought as a whole.",
    )
    hours: Decimal = Field(
        ge=0, le=10**9, description="GPU-hours in a UTC month (a number); a fraction of a GPU counts as such."
    )


class QuotaSettings(Model):
    """What teams may use."""

    gpu_hours: tuple[GpuQuota, ...] = Field(
        default=(),
        description="GPU-hours per team and model. Default none, because only you know who was promised "
        "what.",
    )

    @model_validator(mode="after")
    def _told_once(self) -> Self:
        places = [(quota.team, quota.model) for quota in self.gpu_hours]
        if len(set(places)) < len(places):
            hint = "keep one line per team and model"
            raise PydanticCustomError("quota_twice", "two quotas are for the same", {"hint": hint})
        return self


def packaged_text() -> str:
    """Give the packaged rules as they would stand in costd.yaml, comments included."""
    return resources.files("config").joinpath(PACKAGED).read_text(encoding="utf-8")


def packaged_rules() -> tuple[Rule, ...]:
    """Read the packaged rules."""
    from config.yaml import read

    node: Any = read(packaged_text()).root.plain()
    found: tuple[Rule, ...] = TypeAdapter(tuple[Rule, ...]).validate_python(node["idle"]["rules"])
    return found
