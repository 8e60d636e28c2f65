"""A finished run of four steps, told for the tests of what is exported."""

from tests.run_story import Story, both, scores, spec_of


def finished(scenario: str, sentiment: float, ner: float, **changes: object) -> Story:
    spec = spec_of(scenario, **changes)
    return (
        Story(spec, [4] * len(spec.plan.phases))
        .start()
        .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(0.5), {"sentiment": 0.25, "ner": None}, both(0.125), both(0.0)])
        .evaluate(scores(sentiment, ner, (0.5, 0.2)))
        .end_phase()
        .finish(scores(sentiment, ner, (0.5, 0.2)))
    )
