"""Finished runs made up for tests of what claims read from them."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.training.events import Evaluation, Measured, Movement, RunFinished
from tests.run_story import scores, spec_of

ONE = Arm(experiment="standard", scenario="heads-only")
OTHER = Arm(experiment="standard", scenario="full")


def finished(
    sentiment: float,
    ner: float = 0.5,
    *,
    before: tuple[float, float] = (0.5, 0.0),
    seconds: float = 10.0,
    prefix_seconds: float = 0.0,
    peak: int = 1000,
    moved: Mapping[str, float] | None = None,
) -> RunSummary:
    """A run that ended with these scores; `moved` is how far each group of tensors moved."""
    events = [
        Evaluation(
            elapsed_seconds=1.0,
            phase="heads",
            epoch=0.0,
            step=0,
            split="validation",
            tasks=scores(*before),
        ),
        Measured(
            elapsed_seconds=2.0,
            groups={group: Movement(moved=each) for group, each in (moved or {}).items()},
        ),
        RunFinished(
            elapsed_seconds=3.0,
            run="a-run",
            metrics=scores(sentiment, ner),
            frozen_identical=True,
            frozen_tensors=1,
            peak_memory_bytes=peak,
            training_seconds=seconds,
            evaluation_seconds=100.0,
            prefix_seconds=prefix_seconds,
            total_seconds=200.0,
        ),
    ]
    return extend(begin("a-run", spec_of("heads-only")), events)


def by_seed(runs: Sequence[RunSummary]) -> dict[int, RunSummary]:
    """The runs with seeds counted from 0."""
    return dict(enumerate(runs))
