"""States which training losses can be compared, for pages, note and Guide."""

from collections.abc import Iterable

from mtl_core.training.options import ScalarOptions, options_of
from mtl_core.training.spec import RunSpec

_OPTION = options_of(ScalarOptions)["frozen_dropout"][1]


def training_loss_note(specs: Iterable[RunSpec] = ()) -> str | None:
    """Say in one sentence how dropout limits the comparison of training losses.

    `specs` are those of the runs whose losses are shown; without any the sentence is about the
    default. None if all runs keep dropout on in frozen layers: their losses are of one mode.
    """
    modes = {spec.frozen_dropout for spec in specs} or {False}
    if modes == {True}:
        return None
    if modes == {False}:
        return (
            "In training, frozen layers run without dropout and trained layers with it: training "
            "losses of plans that freeze different layers cannot be compared, validation losses "
            f"can. The option “{_OPTION.label}” keeps dropout on in all layers."
        )
    return (
        "Only some of these runs keep dropout on in frozen layers: their training "
        "losses cannot be compared with those of the others, validation losses can."
    )
