"""The note: what the runs came to, in sections that a design doc can take over."""

from collections.abc import Iterator
from datetime import datetime

from mtl_core import __version__
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report import errors, repeat, runs, stages
from mtl_core.report.blocks import Block, Note, Section, figures
from mtl_core.report.compared import facts_of
from mtl_core.report.drawings import (
    example_drawings,
    front_drawings,
    loss_drawings,
    stack_drawings,
)
from mtl_core.report.load import Report
from mtl_core.report.note_inside import convergence, inside, left_out, maps, other_data
from mtl_core.report.note_scores import plan_scores, run_scores
from mtl_core.report.note_sizes import sizes
from mtl_core.report.run_words import facts, moment


def note_of(report: Report, now: datetime) -> Note:
    """The note on these runs, as of `now`."""
    return Note(
        title=report.headline,
        facts=tuple(_facts(report)),
        warnings=report.unfinished,
        sections=tuple(section for section in _sections(report) if section.blocks),
        made_with=f"Freeze Lab {__version__}, {moment(now)}",
    )


def _facts(report: Report) -> list[str]:
    if len(report.runs) == 1:
        run = report.runs[0]
        return facts(run.record, run.summary)
    name = [comparison_name(report.record)] if report.record else []
    return [*name, *facts_of(report.compared)]


def _sections(report: Report) -> Iterator[Section]:
    sized = bool(report.compared.by_size)
    if sized:
        yield Section("Quality by training sentences", tuple(sizes(report)))
    yield Section("Quality against what it costs", figures(front_drawings(report)))
    yield Section("Scores and what they cost", tuple(_scores(report)))
    yield Section("Staged training", tuple(stages.blocks(report)))
    yield Section("Losses", tuple(_losses(report)))
    if not sized:
        yield Section("Quality by training sentences", figures(example_drawings(report)))
    if len(report.runs) > 1:
        yield from _inside(report)
    yield Section("Prediction errors", tuple(errors.blocks(report)))
    yield Section("What learns, and how far the gradient goes", figures(stack_drawings(report)))
    if len(report.one_of_each) > 1:
        title = "plans" if report.compared.by_plan else "runs"
        yield Section(f"In what the {title} differ", tuple(runs.difference_blocks(report)))
    yield Section("Proof that frozen stayed frozen", tuple(runs.proof_blocks(report)))
    yield Section("The runs", tuple(runs.run_blocks(report)))
    yield Section("Repeat it", tuple(repeat.blocks(report)))
    yield Section("Environment", tuple(runs.environment_blocks(report)))


def _losses(report: Report) -> Iterator[Block]:
    yield from figures(loss_drawings(report))
    if len(report.runs) > 1:
        yield from convergence(report)


def _inside(report: Report) -> Iterator[Section]:
    """What each plan did to the model and to what it knew."""
    yield Section("What was allowed to learn, and what moved", tuple(maps(report)))
    yield Section("Tasks that were left out", tuple(left_out(report)))
    yield Section("On other data", tuple(other_data(report)))
    yield Section("What moved inside", tuple(inside(report)))


def _scores(report: Report) -> Iterator[Block]:
    return plan_scores(report) if report.compared.by_plan else run_scores(report)
