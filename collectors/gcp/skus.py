"""What Google's names of services, SKUs and units mean in FOCUS. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.focus.texts import ALLOWED

_CATEGORY_OF_ID = {
    "6F81-5844-456A": "Compute",  # Compute Engine
    "CCD8-9BF1-090E": "Compute",  # Kubernetes Engine
    "152E-C115-5142": "Compute",  # Cloud Run
    "29E7-DA93-CA13": "Compute",  # Cloud Run functions
    "F17B-412E-CB64": "Compute",  # App Engine
    "95FF-2EF5-5EA1": "Storage",  # Cloud Storage
    "24E6-581D-38E5": "Analytics",  # BigQuery
    "9662-B51E-5089": "Databases",  # Cloud SQL
    "CC63-0873-48FD": "Databases",  # Spanner
    "C7E2-9256-1C43": "AI and Machine Learning",  # Vertex AI
    "E505-1604-58F8": "Networking",
    "A1E8-BE35-7EBC": "Analytics",  # Pub/Sub
    "5490-F7B7-8DF6": "Management and Governance",  # Cloud Logging
    "58CD-E7C3-72CA": "Management and Governance",  # Cloud Monitoring
    "2062-016F-44A2": "Other",  # Support
}
"""By the id that Google gives a service; the name decides for the rest."""

_CATEGORY_OF_WORD = (
    (
        "AI and Machine Learning",
        r"vertex|gemini|\bai\b|machine learning|dialogflow|vision|speech|translat|claude",
    ),
    ("Databases", r"sql|spanner|bigtable|firestore|datastore|alloydb|memorystore|redis|database"),
    ("Analytics", r"bigquery|dataflow|dataproc|pub/sub|composer|looker|data fusion|analytics|datastream"),
    ("Storage", r"storage|filestore|backup|netapp|artifact registry|container registry"),
    ("Networking", r"network|\bdns\b|\bcdn\b|vpn|load balanc|interconnect|armor|nat\b"),
    ("Security", r"security|secret|key management|\bkms\b|iam|recaptcha|certificate|identity platform"),
    ("Management and Governance", r"logging|monitoring|operations|trace|support|config|policy"),
    ("Developer Tools", r"build|source repositor|deploy|workstation|testing"),
    ("Integration", r"eventarc|workflows|scheduler|tasks|apigee|integration"),
    ("Web", r"maps|firebase|places"),
    ("Compute", r"compute|kubernetes|\brun\b|functions|app engine|vmware|batch|bare metal"),
)
_CATEGORY_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _CATEGORY_OF_WORD)

_FEE = re.compile(r"^commitment\b", re.IGNORECASE)
_SUBSCRIPTION = re.compile(
    r"\bsubscription fee\b|\b(?:annual|yearly|monthly)\b.*\bsubscription\b"
    r"|\bsubscription\b.*\b(?:annual|yearly|monthly|per year|per month)\b",
    re.IGNORECASE,
)
_SPOT = re.compile(r"\b(?:spot|preemptible)\b", re.IGNORECASE)
_GPU = re.compile(
    r"\b(?:nvidia\s+)?(?:tesla\s+)?(?P<model>[A-Z]{1,3}\d{1,4}[A-Z]?|RTX[ \w]*?\d{4})"
    r"(?:\s+(?P<memory>\d+)\s?GB)?(?:\s+\w+)?\s+GPU\b",
    re.IGNORECASE,
)
_COUNT = re.compile(r"-(?P<count>\d{1,2})g\b")
_FAMILY = re.compile(
    r"\b(?P<name>[A-Z]\d{1,2}[A-Z]?|memory[- ]optimized|compute[- ]optimized)\b(?![- ]?\d)", re.IGNORECASE
)
_METERS = (
    ("GPU", re.compile(r"\bgpu\b|nvidia", re.IGNORECASE)),
    ("CPU", re.compile(r"\b(?:v?cpu|core)s?\b", re.IGNORECASE)),
    ("RAM", re.compile(r"\b(?:ram|memory)\b(?![- ]optimized)", re.IGNORECASE)),
    ("SSD", re.compile(r"\bssd\b", re.IGNORECASE)),
)
_UNITS = {
    "second": "Seconds",
    "minute": "Minutes",
    "hour": "Hours",
    "day": "Days",
    "month": "Months",
    "year": "Years",
    "bit": "Bits",
    "byte": "Bytes",
    "kibibyte": "KiB",
    "mebibyte": "MiB",
    "gibibyte": "GiB",
    "tebibyte": "TiB",
    "pebibyte": "PiB",
    "kilobyte": "KB",
    "megabyte": "MB",
    "gigabyte": "GB",
    "terabyte": "TB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sku:
    """What a SKU's description says.

    Attributes:
        is_fee: the fee of a commitment.
        is_purchase: bought, not used: such a fee, or a subscription's.
        is_spot: capacity that Google may take back.
        gpu: model of a GPU, e.g. `A100 80GB`, or "".
        family: of machines, e.g. `N2`, or the model of a GPU: what a commitment is for; "" if it says none.
        meter: what of a machine is metered: `CPU`, `RAM`, `GPU`, `SSD` or "".
    """

    is_fee: bool
    is_purchase: bool
    is_spot: bool
    gpu: str
    family: str
    meter: str


def sku_of(description: str) -> Sku:
    """Read a description such as `Commitment v1: N2 Cpu in Americas for 1 Year`."""
    is_fee = _FEE.search(description) is not None
    gpu, memory = _GPU.search(description), ""
    if gpu is not None and gpu["memory"]:
        memory = f" {gpu['memory']}GB"
    model = "" if gpu is None else f"{gpu['model'].upper()}{memory}"
    family = _FAMILY.search(description.partition(":")[2] if is_fee else description)
    meters = (name for name, pattern in _METERS if pattern.search(description))
    return Sku(
        is_fee=is_fee,
        is_purchase=is_fee or _SUBSCRIPTION.search(description) is not None,
        is_spot=_SPOT.search(description) is not None,
        gpu=model,
        family=model or ("" if family is None else family["name"].upper().replace(" ", "-")),
        meter=next(meters, ""),
    )


def gpus_of(machine: str) -> str:
    """Give how many GPUs a machine has where its name says so: `a2-highgpu-4g` has 4."""
    match = _COUNT.search(machine)
    return "" if match is None else str(int(match["count"]))


def category_of(service_id: str, service: str) -> str:
    """Give the FOCUS category of a service."""
    if service_id in _CATEGORY_OF_ID:
        return _CATEGORY_OF_ID[service_id]
    return next((name for name, pattern in _CATEGORY_PATTERNS if pattern.search(service)), "Other")


def subcategory_of(category: str) -> str:
    """Give the FOCUS subcategory that claims nothing more than the category."""
    return f"Other ({category if category in ALLOWED['ServiceCategory'] else 'Other'})"


def unit_of(unit: str) -> str:
    """Give a unit as FOCUS writes it: `gibibyte hour` is `GiB-Hours`, `seconds` is `Seconds`."""
    words = [word for word in re.split(r"[\s.\-]+", unit.strip()) if word]
    if not words:
        return unit
    *before, last = (_UNITS.get(word.lower().removesuffix("s"), word.capitalize()) for word in words)
    singular = [word.removesuffix("s") if word in {"Bytes", "Bits"} else word for word in before]
    if last == "Count":
        return "-".join([*singular, last])
    plural = last if last.endswith(("s", "B")) else f"{last}s"
    return "-".join([*singular, plural])
