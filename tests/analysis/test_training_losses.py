"""One sentence on the dropout of training losses, the same on pages, in the note and the Guide."""

import pytest

from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.lessons.chapters import CHAPTERS
from tests.run_story import spec_of

USUAL = (
    "In training, frozen layers run without dropout and trained layers with it: training losses "
    "of plans that freeze different layers cannot be compared, validation losses can. "
    "The option “Dropout in frozen layers” keeps dropout on in all layers."
)
MIXED = (
    "Only some of these runs keep dropout on in frozen layers: their training losses "
    "cannot be compared with those of the others, validation losses can."
)


@pytest.mark.parametrize(
    ("modes", "note"),
    [((), USUAL), ((False, False), USUAL), ((True, False), MIXED), ((True, True), None)],
)
def test_the_note_depends_on_the_dropout_of_the_runs(
    modes: tuple[bool, ...], note: str | None
) -> None:
    specs = [spec_of("heads-only").model_copy(update={"frozen_dropout": each}) for each in modes]
    assert training_loss_note(specs) == note


def test_the_guide_has_the_sentence_where_heads_only_is_compared() -> None:
    (depth,) = (each for each in CHAPTERS if each.title.startswith("Heads only"))
    assert USUAL in depth.paragraphs
