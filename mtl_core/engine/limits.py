"""Refuses what exceeds the limits for visitors, so that one visitor cannot block all others."""

from collections.abc import Iterable

from mtl_core.engine.actor import Actor
from mtl_core.errors import OverLimit
from mtl_core.settings import Limits
from mtl_core.text import counted
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.options import RunOptions

_REASON = "The limit keeps one visitor from blocking the queue for all others"


def require_in_limits(actor: Actor, specs: Iterable[RunOptions], limits: Limits) -> None:
    """Raises OverLimit if the options of a visitor's run exceed the limits.

    The teacher and the user of this machine have no limits.
    """
    if actor.may_change_all:
        return
    for spec in specs:
        for given, limit, what in (
            (spec.epochs, limits.epochs, "epochs"),
            (spec.batch_size, limits.batch_size, "sentences per batch"),
            (spec.max_length, limits.length, "tokens per sentence"),
            (max(spec.examples.values(), default=0), limits.examples, "training sentences"),
        ):
            if given > limit:
                raise _over(f"{given:,g} {what}", limit)


def require_room(
    actor: Actor, waiting: int, runs: int, limits: Limits, spec: ComparisonSpec | None = None
) -> None:
    """Raises OverLimit if a visitor with `waiting` runs in the queue adds `runs` more.

    `spec` is that of a comparison with these runs.
    """
    if actor.may_change_all:
        return
    if spec is not None and runs > limits.comparison_runs:
        raise _over(f"{runs:,} runs of one comparison", limits.comparison_runs)
    if waiting + runs > limits.waiting_runs:
        raise _over(
            f"{runs:,} more {'run' if runs == 1 else 'runs'} in addition to your {waiting:,} "
            "waiting runs",
            limits.waiting_runs,
        )


def require_upload_room(actor: Actor, stored: int, limits: Limits) -> None:
    """Raises OverLimit if a visitor with `stored` uploads may not store another one."""
    if not actor.may_change_all and stored >= limits.uploads:
        raise OverLimit(
            f"You have stored {counted(stored, 'upload')}, the limit for one visitor. Delete one "
            "first."
        )


def _over(given: str, limit: int) -> OverLimit:
    return OverLimit(
        f"You requested {given}; the limit of this dashboard is {limit:,}. {_REASON}. Reduce the "
        "number, or use the command line."
    )
