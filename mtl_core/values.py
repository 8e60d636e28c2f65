"""The base of every value that is written down: plans, specs, events, descriptions."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A fact: never changes once made, refuses keys it does not know, never holds NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
