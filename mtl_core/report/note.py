"""The note: what the runs came to, in sections that a design doc can take over."""

from collections.abc import Iterator
from datetime import datetime

from mtl_core import __version__
from mtl_core.lessons.claim_runs import comparison_words
from mtl_core.report import errors, repeat, runs, stages
from mtl_core.report.blocks import Block, Note, Section, figures
from mtl_core.report.compared import facts_of
from mtl_core.report.drawings import (
    example_drawings,
    front_drawings,
    loss_drawings,
    stack_drawings,
)
from mtl_core.report.material import Material
from mtl_core.report.note_inside import convergence, inside, left_out, maps, other_data
from mtl_core.report.note_scores import plan_scores, run_scores
from mtl_core.report.note_sizes import sizes
from mtl_core.report.run_words import facts, moment


def note_of(material: Material, now: datetime) -> Note:
    """The note on these runs, as of `now`."""
    return Note(
        title=material.headline,
        facts=tuple(_facts(material)),
        warnings=material.unfinished,
        sections=tuple(section for section in _sections(material) if section.blocks),
        made_with=f"Freeze Lab {__version__}, {moment(now)}",
    )


def _facts(material: Material) -> list[str]:
    if len(material.runs) == 1:
        run = material.runs[0]
        return facts(run.record, run.summary)
    name = [comparison_words(material.record)] if material.record else []
    return [*name, *facts_of(material.compared)]


def _sections(material: Material) -> Iterator[Section]:
    sized = bool(material.compared.by_size)
    if sized:
        yield Section("Quality by training sentences", tuple(sizes(material)))
    yield Section("Quality against what it costs", figures(front_drawings(material)))
    yield Section("Scores and what they cost", tuple(_scores(material)))
    yield Section("Staged training", tuple(stages.blocks(material)))
    yield Section("Losses", tuple(_losses(material)))
    if not sized:
        yield Section("Quality by training sentences", figures(example_drawings(material)))
    if len(material.runs) > 1:
        yield from _inside(material)
    yield Section("Prediction errors", tuple(errors.blocks(material)))
    yield Section("What learns, and how far the gradient goes", figures(stack_drawings(material)))
    if len(material.one_of_each) > 1:
        title = "plans" if material.compared.by_plan else "runs"
        yield Section(f"In what the {title} differ", tuple(runs.difference_blocks(material)))
    yield Section("Proof that frozen stayed frozen", tuple(runs.proof_blocks(material)))
    yield Section("The runs", tuple(runs.run_blocks(material)))
    yield Section("Repeat it", tuple(repeat.blocks(material)))
    yield Section("Environment", tuple(runs.environment_blocks(material)))


def _losses(material: Material) -> Iterator[Block]:
    yield from figures(loss_drawings(material))
    if len(material.runs) > 1:
        yield from convergence(material)


def _inside(material: Material) -> Iterator[Section]:
    """What each plan did to the model and to what it knew."""
    yield Section("What was allowed to learn, and what moved", tuple(maps(material)))
    yield Section("Tasks that were left out", tuple(left_out(material)))
    yield Section("On other data", tuple(other_data(material)))
    yield Section("What moved inside", tuple(inside(material)))


def _scores(material: Material) -> Iterator[Block]:
    return plan_scores(material) if material.compared.by_plan else run_scores(material)
