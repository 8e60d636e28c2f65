"""The person who requests an operation, and what they may change."""

from mtl_core.errors import NotPermitted
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.values import Frozen


class Actor(Frozen):
    """A visitor of the dashboard, the teacher, or the user of this machine.

    Everybody may look at everything, and start runs of their own from it. A visitor may stop,
    rename and delete only what they started; `visitor` identifies them, and is None for the user of
    this machine. The teacher and the user of this machine may change everything
    (`may_change_all`). Where the dashboard is for one user of this machine
    (`is_on_this_machine`), a visitor may also change what was started outside of the dashboard.
    """

    visitor: str | None = None
    may_change_all: bool = False
    is_on_this_machine: bool = False

    def may_change(self, record: RunRecord | ComparisonRecord) -> bool:
        """Whether the actor may stop, rename and delete a run or a comparison.

        Nobody may change what is included with Freeze Lab.
        """
        return not record.shipped and self.owns(record.visitor)

    def owns(self, visitor: str | None) -> bool:
        """Whether the actor may change what `visitor` started; None: started on this machine."""
        if self.may_change_all:
            return True
        return self.is_on_this_machine if visitor is None else visitor == self.visitor


THIS_MACHINE = Actor(may_change_all=True)
"""The user of this machine, on the command line."""


def require_may_change(actor: Actor, record: RunRecord | ComparisonRecord) -> None:
    """Raises NotPermitted unless the actor may change the run or the comparison."""
    what = "Run" if isinstance(record, RunRecord) else "Comparison"
    if record.shipped:
        raise NotPermitted(
            f"{what} '{record.id}' is included with Freeze Lab and cannot be changed. It can be "
            "hidden."
        )
    if not actor.may_change(record):
        raise NotPermitted(
            f"{what} '{record.id}' was started by another visitor. Start your own with its plan, "
            "or ask the teacher to stop or delete it."
        )


def require_teacher(actor: Actor, action: str) -> None:
    """Raises NotPermitted unless the actor is the teacher or the user of this machine."""
    if not actor.may_change_all:
        raise NotPermitted(
            f"Only the teacher can {action}. Enter the teacher key on the Train page first."
        )
