"""The learning rate sweep on the Compare page and in exact numbers."""

from streamlit.testing.v1 import AppTest

from mtl_core.engine.comparisons import advance
from mtl_core.engine.lab import Lab
from mtl_core.report.sweep import RateSweep, rate_sweeps, sweep_row, sweep_title
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.ui.shared.run_cache import summary_of
from tests.run_story import Story, both, scores
from tests.stored_runs import claim
from tests.visiting import visited

ASKED = ComparisonSpec(
    checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(1, 2), sweep=(3.0, 0.3)
)


def run_to_its_end(lab: Lab, run: RunRecord, sentiment: float, ner: float) -> None:
    claimed = claim(lab.store, Owner.this_process())
    assert claimed is not None
    assert claimed.id == run.id
    end = scores(sentiment, ner, (0.5, 0.5))
    story = Story(run.spec, [1], run.id).start().evaluate(scores(0.45, 0.02)).phase()
    lab.store.append(run.id, list(story.learn([both(0.5)]).evaluate(end).finish(end)))


def texts(app: AppTest) -> str:
    return "\n".join(each.label for each in app.expander).replace("\\", "")


def test_the_rates_of_a_sweep_are_listed_with_the_selected_one(lab: Lab) -> None:
    made = lab.start_comparison(ASKED)
    high, low = made.trial_runs
    run_to_its_end(lab, high, 0.9, 0.5)
    (waits,) = rate_sweeps(lab.store.comparison(made.id), lambda run: summary_of(lab, run))
    assert waits == RateSweep("heads only", {0.3: None, 3.0: 0.7}, None)
    assert sweep_title([waits]) == "Learning rate sweep: heads only is still running"
    run_to_its_end(lab, low, 0.8, 0.4)
    advance(lab.store, lab.settings, made.id)
    (done,) = rate_sweeps(lab.store.comparison(made.id), lambda run: summary_of(lab, run))
    assert (done.selected, dict(done.scores)) == (3.0, {0.3: (0.8 + 0.4) / 2, 3.0: 0.7})
    assert sweep_row(done) == {"Plan": "heads only", "× 0.3": "0.600", "× 3": "0.700 ✓"}
    app = visited("compare", comparison=made.id)
    assert "Learning rate sweep: heads only uses × 3" in texts(app)


def test_a_comparison_at_the_plans_own_rates_tells_of_none_tried(lab: Lab) -> None:
    made = lab.start_comparison(ASKED.model_copy(update={"sweep": (3.0,)}))
    assert rate_sweeps(made, lambda run: summary_of(lab, run)) == ()
    assert "Learning rate sweep" not in texts(visited("compare", comparison=made.id))
