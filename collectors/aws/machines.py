"""Which GPUs a machine has, by its instance type; `product` columns are often blank. Pure.

Source: "Amazon EC2 accelerated computing instances" and "SageMaker AI instance types", AWS.
"""

from __future__ import annotations

import re

_FAMILIES: dict[str, tuple[str, dict[str, int]]] = {
    "p2": ("K80", {"xlarge": 1, "8xlarge": 8, "16xlarge": 16}),
    "p3": ("V100", {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    "p3dn": ("V100", {"24xlarge": 8}),
    "p4d": ("A100", {"24xlarge": 8}),
    "p4de": ("A100", {"24xlarge": 8}),
    "p5": ("H100", {"4xlarge": 1, "48xlarge": 8}),
    "p5e": ("H200", {"48xlarge": 8}),
    "p5en": ("H200", {"48xlarge": 8}),
    "p6-b200": ("B200", {"48xlarge": 8}),
    "p6-b300": ("B300", {"48xlarge": 8}),
    "p6e-gb200": ("GB200", {"36xlarge": 4}),
    "g3s": ("M60", {"xlarge": 1}),
    "g3": ("M60", {"4xlarge": 1, "8xlarge": 2, "16xlarge": 4}),
    "g4dn": (
        "T4",
        {
            "xlarge": 1,
            "2xlarge": 1,
            "4xlarge": 1,
            "8xlarge": 1,
            "16xlarge": 1,
            "12xlarge": 4,
            "metal": 8,
        },
    ),
    "g4ad": ("Radeon Pro V520", {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 2, "16xlarge": 4}),
    "g5g": (
        "T4G",
        {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "16xlarge": 2, "metal": 2},
    ),
    "gr6": ("L4", {"4xlarge": 1, "8xlarge": 1}),
}
_LIKE_G5 = {
    "xlarge": 1,
    "2xlarge": 1,
    "4xlarge": 1,
    "8xlarge": 1,
    "16xlarge": 1,
    "12xlarge": 4,
    "24xlarge": 4,
    "48xlarge": 8,
}
for _family, _model in (("g5", "A10G"), ("g6", "L4"), ("g6e", "L40S")):
    _FAMILIES[_family] = (_model, _LIKE_G5)

_IN_USAGE_TYPE = re.compile(
    r"(?:[A-Za-z0-9-]*:)?((?:ml\.|db\.|cache\.)?[a-z][a-z0-9-]*\d[a-z0-9-]*\.(?:\d*x?large|metal(?:-\d+xl)?"
    r"|nano|micro|small|medium))(?:[-:].*)?",
    re.ASCII,
)


def gpus_of(instance_type: str) -> tuple[str | None, str | None]:
    """Give (model, count per instance as text) of an instance type, (None, None) without GPUs."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    model, sizes = _FAMILIES.get(family, ("", {}))
    count = sizes.get(size)
    return (model, str(count)) if count else (None, None)


def instance_type_of(usage_type: str) -> str | None:
    """Give the instance type that a usage type names: `USE1-Host:ml.g5.2xlarge`, `BoxUsage:m5.large`."""
    match = _IN_USAGE_TYPE.fullmatch(usage_type)
    return match[1] if match else None
