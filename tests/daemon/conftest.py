"""What the tests of commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from acme import Acme


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    """A company without bills yet."""
    return Acme(folder=tmp_path)
