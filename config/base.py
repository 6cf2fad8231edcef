"""What every model of the configuration shares: nothing unknown, nothing changed later."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of every section: unknown keys are errors, values never change, inputs are not echoed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,  # building validators costs start-up time; most commands need few
        validate_default=True,  # relative default paths start at the configuration's folder too
        allow_inf_nan=False,
        hide_input_in_errors=True,  # an input may be a misplaced secret
        str_strip_whitespace=True,
    )
