"""The sections of a report, in order: the one list that page and note render.

To add a topic, write a module with `blocks(report)` and list it here. The Compare page shows the
blocks as they are, unless `ui.compare.compare_view` has an interactive view of that name. The
terminal prints `table.terminal_table`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mtl_core.report import (
    curve,
    errors,
    forgetting,
    front,
    losses,
    maps,
    movement,
    repeat,
    runs,
    stacks,
    stages,
    table,
)
from mtl_core.report.blocks import Block, Section
from mtl_core.report.load import Report


class Place(StrEnum):
    """Where a section is shown."""

    PAGE = "page"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Topic:
    """A section of a report.

    `name` is stable and identifies it. `blocks` builds its content, empty if there is nothing to
    show. `several_runs` keeps it out of the note on a single run; `several_plans` requires two
    plans or more.
    """

    name: str
    title: str
    blocks: Callable[[Report], Iterable[Block]]
    places: frozenset[Place]
    several_runs: bool = False
    several_plans: bool = False

    def applies(self, report: Report, place: Place) -> bool:
        """Whether `place` shows the topic of this report, if it has content."""
        if place not in self.places or (self.several_plans and not report.several_plans):
            return False
        return len(report.runs) > 1 or place is Place.PAGE or not self.several_runs


_PAGE_AND_NOTE = frozenset(Place)
_NOTE = frozenset({Place.NOTE})

TOPICS = (
    Topic("curve", "Quality by training sentences", curve.blocks, _PAGE_AND_NOTE),
    Topic("front", "Quality and cost", front.blocks, _PAGE_AND_NOTE),
    Topic("table", "Scores and costs", table.blocks, _PAGE_AND_NOTE),
    Topic("stages", "Staged training", stages.blocks, _PAGE_AND_NOTE),
    Topic("losses", "Losses", losses.blocks, _PAGE_AND_NOTE),
    Topic(
        "maps",
        "Trained parts and how far they moved",
        maps.blocks,
        _PAGE_AND_NOTE,
        several_runs=True,
    ),
    Topic(
        "forgetting",
        "Tasks that were not trained",
        lambda report: forgetting.untrained_blocks(report.compared),
        _PAGE_AND_NOTE,
        several_runs=True,
    ),
    Topic(
        "other-data",
        "Scores on other data",
        lambda report: forgetting.other_data_blocks(report.compared),
        _PAGE_AND_NOTE,
        several_runs=True,
    ),
    Topic(
        "inside",
        "Changes inside the model",
        movement.blocks,
        _PAGE_AND_NOTE,
        several_runs=True,
    ),
    Topic("errors", "Prediction errors", errors.blocks, _PAGE_AND_NOTE),
    Topic("stacks", "Trained layers and the path of the gradient", stacks.blocks, _NOTE),
    Topic(
        "differences",
        "Differences between the plans",
        runs.difference_blocks,
        _PAGE_AND_NOTE,
        several_plans=True,
    ),
    Topic("proof", "Proof that frozen tensors did not change", runs.proof_blocks, _NOTE),
    Topic("runs", "The runs", runs.run_blocks, _NOTE),
    Topic("repeat", "Repeat the runs", repeat.blocks, _NOTE),
    Topic("environment", "Environment", runs.environment_blocks, _NOTE),
)


def topics_of(report: Report, place: Place) -> Iterator[Topic]:
    """Yields the topics that `place` shows of this report, in order."""
    for topic in TOPICS:
        if topic.applies(report, place):
            yield topic


def sections_of(report: Report, place: Place) -> Iterator[Section]:
    """Yields the sections of `topics_of` that have content."""
    for topic in topics_of(report, place):
        blocks = tuple(topic.blocks(report))
        if blocks:
            yield Section(topic.title, blocks)
