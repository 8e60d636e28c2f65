"""Runs whose validation sentences contain no entities: entity F1 is undefined there."""

import shutil

import pytest

NOTHING = {"entity_f1": None, "precision": None, "recall": None}


@pytest.fixture
def without_entities(bench, tmp_path):
    folder = shutil.copytree(bench.data.parent, tmp_path / "data")
    (folder / "entities.dev.conll").write_text("the\tO\nfood\tO\n\nanna\tO\nwas\tO\n")
    return str(folder / bench.data.name)


def test_scores_are_null_from_the_first_evaluation_to_the_end(bench, of, without_entities):
    events = bench.run(bench.spec("full", data=without_entities, epochs=2))

    scores = [event.tasks["ner"] for event in of(events, "evaluation")]
    (end,) = of(events, "run_finished")
    for score in (*scores, end.metrics["ner"]):
        assert score.model_dump(exclude={"loss"}) == NOTHING
        assert score.loss > 0
    assert end.mean_validation_score == end.metrics["sentiment"].accuracy
    assert set(of(events, "measured")[0].probes) == {"sentiment"}
    notes = of(events, "run_started")[0].notes
    assert any("entity F1 is undefined there" in note for note in notes)


def test_runs_that_are_trained_together_have_the_same_nulls(bench, together, of, without_entities):
    specs = [bench.spec("heads-only", data=without_entities, seed=seed) for seed in (0, 1)]

    for events in together(specs):
        score = of(events, "run_finished")[0].metrics["ner"]
        assert score.model_dump(exclude={"loss"}) == NOTHING
