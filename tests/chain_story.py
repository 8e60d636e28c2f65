"""Runs that go on from one another, told for tests of chains."""

from mtl_core.analysis.chain import Chain, chain_of
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from tests.run_story import Story, both, minilm, scores, spec_of

Pair = tuple[float, float]


def stage_story(run: str, scenario: str, first: Pair, last: Pair, **changes: object) -> Story:
    """A finished run; the pairs are sentiment and NER at its start and end."""
    spec = spec_of(scenario, **changes)
    story = Story(spec, [2] * len(spec.plan.phases), run).start().evaluate(scores(*first))
    for number in range(1, len(spec.plan.phases) + 1):
        story.phase(number).learn([both(0.5)] * 2, number).end_phase(number)
    return story.evaluate(scores(*last), len(spec.plan.phases)).finish(scores(*last))


def stage(run: str, scenario: str, first: Pair, last: Pair, **changes: object) -> RunSummary:
    """`stage_story`, read."""
    story = stage_story(run, scenario, first, last, **changes)
    return summarise(run, story.spec, story, minilm())


def chain(*runs: RunSummary) -> Chain:
    """The chain of the last of them; the others are there to be found."""
    known = {run.run: run for run in runs}
    return chain_of(runs[-1], known.get)


HEADS_SCORES: tuple[Pair, Pair] = ((0.45, 0.02), (0.75, 0.50))
TOP_SCORES: tuple[Pair, Pair] = ((0.75, 0.50), (0.875, 0.375))
HEADS = stage("one", "heads-only", *HEADS_SCORES)
TOP = stage("two", "freeze-head:ner", *TOP_SCORES, starts_from="one")
