"""MIG profiles as parts of a card."""

from __future__ import annotations

import pytest

from domain.devices import mig_share


@pytest.mark.parametrize(
    ("profile", "model", "share"),
    [
        ("1g.10gb", "NVIDIA A100-SXM4-80GB", 1 / 7),
        ("2g.20gb", "NVIDIA A100-SXM4-80GB", 2 / 7),
        ("3g.40gb", "NVIDIA H100 80GB HBM3", 4 / 8),
        ("4g.40gb", None, 4 / 7),
        ("7g.80gb", "NVIDIA H100", 1),
        ("1g.10gb", "NVIDIA A100-SXM4-40GB", 2 / 8),
        ("1g.5gb", None, 1 / 7),
        ("1g.10gb+me", "NVIDIA A100-SXM4-80GB", 1 / 7),
        ("MIG 3g.20gb", None, 4 / 8),
        ("1g.18gb", "NVIDIA H200", 1 / 7),
        ("1g.35gb", "NVIDIA H200", 2 / 8),
        ("1g.12gb", "NVIDIA H100 NVL", 1 / 7),
        ("2g.12gb", "NVIDIA A30", 2 / 4),
        ("1g.45gb", "NVIDIA B200", 2 / 8),
    ],
)
def test_an_instance_is_the_greater_of_its_compute_and_its_memory(
    profile: str, model: str | None, share: float
) -> None:
    assert mig_share(profile, model) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "whole", "g.10gb", "10gb", "1g.10gb; drop", "99g.1gb"])
def test_other_text_is_no_profile(text: str) -> None:
    assert mig_share(text) is None
