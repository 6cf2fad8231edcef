"""Every error owns its code, its exit status and a hint."""

import pytest

from domain import errors
from domain.errors import CostdError

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CostdError)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_has_an_exit_status_of_the_contract_and_says_what_to_do(kind: type[CostdError]) -> None:
    error = kind("it broke", hint="mend it")
    assert error.exit_status in {1, 2, 3, 4, 5, 6}
    assert (str(error), error.hint) == ("it broke", "mend it")


def test_codes_tell_errors_apart() -> None:
    codes = [kind.code for kind in ALL]
    assert len(set(codes)) == len(codes)
