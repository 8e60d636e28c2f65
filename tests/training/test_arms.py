"""The arms of a comparison: plans with their own settings, and the runs that they give."""

import json

import pytest
from pydantic import ValidationError

from mtl_core.errors import BadInput, InvalidRun, SelectorMatchesNothing
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.store.record import comparison_name
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.arm import ComparisonArm, named_arm, plain_arm
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.training.prepare_comparison import prepare_comparison, with_stated_vectors
from tests.run_story import spec_of

OWN_PLAN = Plan(
    name="lower half",
    phases=(Phase(name="one", train=("heads", "bert.encoder.layer.0.*")),),
    learning_rate=2e-4,
)

SPACED = OWN_PLAN.model_copy(update={"name": "lower  half "})
LONG = OWN_PLAN.model_copy(update={"name": f"{'x' * 79} yyy"})


def model_of(checkpoint: str, vector: SentenceVector | None) -> ModelDescription:
    """Models of the catalogue; their own vector is the mean."""
    described = read_description(shipped_description(checkpoint))
    return ModelDescription(described, DEFAULT_TASKS, vector or SentenceVector.MEAN)


def comparison(*arms: ComparisonArm, **values: object) -> ComparisonSpec:
    base = {"checkpoint": "minilm-l6", "arms": arms, "seeds": (1, 2)}
    return ComparisonSpec.model_validate({**base, **values})


def test_scenarios_are_arms_with_the_values_of_the_comparison() -> None:
    spec = ComparisonSpec.model_validate(
        {"checkpoint": "minilm-l6", "scenarios": ["full", "top-1"]}
    )
    assert spec.arms == plain_arms(("full", "top-1"))
    assert spec.arm_names == ("full", "top-1")
    assert spec.run_count == 6


def test_a_comparison_of_scenarios_is_stored_as_in_earlier_versions() -> None:
    stored = json.loads(comparison(plain_arm("full"), plain_arm("top-1")).model_dump_json())
    assert stored["scenarios"] == ["full", "top-1"]
    assert "arms" not in stored


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (named_arm(SPACED, options={"epochs": 2}), "lower half (epochs 2)"),
        (named_arm(SPACED), "lower half"),
        (named_arm("full", "a  b ", options={"epochs": 2}), "a b"),
        (named_arm(LONG, options={"epochs": 2}), "x" * 79),
    ],
)
def test_every_name_has_single_spaces_and_reads_back(arm: ComparisonArm, name: str) -> None:
    assert arm.name == name
    assert ComparisonArm.model_validate_json(arm.model_dump_json()) == arm


def test_a_comparison_of_a_scenario_with_a_long_name_opens_as_it_was_stored() -> None:
    scenario = f"freeze-head:{'task' * 20}"
    stored = {"checkpoint": "minilm-l6", "scenarios": [scenario, "full"], "seeds": [0]}
    spec = ComparisonSpec.model_validate(stored)
    assert spec.arm_names == (scenario[:80], "full")
    assert spec.arms[0].is_plain
    assert json.loads(spec.model_dump_json())["scenarios"] == [scenario, "full"]
    run = spec_of("full").model_copy(update={"scenario": scenario})
    assert run.arm_name == scenario[:80]
    assert spec.names_start_of(run)


def test_a_comparison_of_own_arms_reads_back_equal() -> None:
    spec = comparison(
        plain_arm("full"),
        named_arm(OWN_PLAN, checkpoint="bert-base-uncased", task_weights={"ner": 0.0}),
        named_arm(
            "full",
            "noisy",
            options={
                "epochs": 2,
                "label_noise": {"ner": 0.5},
                "also_evaluate": ["sample-posts"],
                "sentence_vector": "mean",
            },
        ),
    )
    again = ComparisonSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.arms[2].options == {
        "epochs": 2.0,
        "label_noise": {"ner": 0.5},
        "also_evaluate": ("sample-posts",),
        "sentence_vector": SentenceVector.MEAN,
    }


def test_scenarios_and_arms_together_are_arms_in_this_order() -> None:
    spec = comparison(named_arm(OWN_PLAN), scenarios=["full"])
    assert spec.arm_names == ("full", "lower half")


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (named_arm("full"), "full"),
        (named_arm(OWN_PLAN), "lower half"),
        (named_arm("full", checkpoint="models/tiny"), "full (tiny)"),
        (
            named_arm("top-1", learning_rate=1e-3, task_weights={"ner": 0.0}),
            "top-1 (learning-rate 0.001, task-weight ner 0)",
        ),
        (
            named_arm("full", options={"epochs": 2, "examples": {"ner": 50}, "starts_from": None}),
            "full (epochs 2, examples ner 50, starts-from none)",
        ),
        (named_arm("full", options={"random_backbone": True}), "full (random-backbone yes)"),
        (named_arm("full", "  every   layer "), "every layer"),
    ],
)
def test_an_arm_without_a_name_is_called_by_what_differs(arm: ComparisonArm, name: str) -> None:
    assert arm.name == name


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"name": "a"}, "arm 'a' needs either a scenario or a plan"),
        ({"name": "a", "scenario": "full", "plan": OWN_PLAN}, "needs either a scenario or a plan"),
        ({"name": " ", "scenario": "full"}, "an arm needs a name"),
        ({"name": "a", "scenario": "full", "options": {"epoch": 1}}, "no option 'epoch'.*'epochs'"),
        ({"name": "a", "scenario": "full", "options": {"epochs": 0}}, "--epochs 0: input should"),
        ({"name": "a", "scenario": "full", "learning_rate": 0}, "greater than 0"),
    ],
)
def test_an_arm_that_cannot_be_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ComparisonArm.model_validate(values)


def test_the_runs_of_an_arm_have_its_values_and_share_the_others() -> None:
    fast = named_arm("top-1", "fast", learning_rate=1e-3, options={"epochs": 1.0})
    quiet = named_arm("top-1", "quiet", task_weights={"ner": 0.0})
    runs = prepare_comparison(
        comparison(plain_arm("top-1"), fast, quiet, head_learning_rate=5e-3, batch_size=8), model_of
    )
    assert [(run.seed, run.arm, run.scenario) for run in runs] == [
        (seed, arm, "top-1") for seed in (1, 2) for arm in ("top-1", "fast", "quiet")
    ]
    plain, changed, weighted = runs[:3]
    own_rate = scenario_plan("top-1", model_of("minilm-l6", None)).learning_rate
    assert [run.plan.learning_rate for run in runs[:3]] == [own_rate, 1e-3, own_rate]
    assert {run.plan.head_learning_rate for run in runs} == {5e-3}
    assert [run.epochs for run in runs[:3]] == [3.0, 1.0, 3.0]
    assert [run.plan.task_weights for run in runs[:3]] == [{}, {}, {"ner": 0.0}]
    apart = {"plan", "arm", "epochs"}
    assert len({run.model_dump_json(exclude=apart) for run in (plain, changed, weighted)}) == 1


def test_an_own_plan_has_no_scenario_and_is_called_by_the_arm() -> None:
    (run, _) = prepare_comparison(comparison(named_arm(OWN_PLAN, "mine")), model_of)
    assert (run.scenario, run.arm, run.arm_name, run.plan) == (None, "mine", "mine", OWN_PLAN)


def test_an_arm_on_another_checkpoint_has_the_plan_rate_and_vector_of_that_checkpoint() -> None:
    spec = comparison(plain_arm("top-1"), named_arm("top-1", checkpoint="bert-base-uncased"))
    shared, own = prepare_comparison(spec, model_of)[:2]
    assert (shared.checkpoint, own.checkpoint) == ("minilm-l6", "bert-base-uncased")
    assert own.plan == scenario_plan("top-1", model_of("bert-base-uncased", None))
    assert own.plan.learning_rate != shared.plan.learning_rate
    assert (shared.sentence_vector, own.sentence_vector) == ("first-token", "mean")
    assert (shared.tasks, shared.data, shared.seed) == (own.tasks, own.data, own.seed)


def test_the_stored_comparison_states_the_vector_of_another_checkpoint() -> None:
    spec = comparison(plain_arm("full"), named_arm("full", checkpoint="bert-base-uncased"))
    stated = with_stated_vectors(spec, prepare_comparison(spec, model_of))
    assert stated.arms[0] == spec.arms[0]
    assert stated.arms[1].options == {"sentence_vector": SentenceVector.MEAN}
    assert prepare_comparison(stated, model_of) == prepare_comparison(spec, model_of)


def test_all_problems_name_their_arm_in_one_message() -> None:
    globbed = named_arm(OWN_PLAN, checkpoint="roberta-base")
    spec = comparison(
        plain_arm("top-1"),
        globbed,
        named_arm("top-9", "deep", options={"epochs": 2}),
        named_arm("full", "weighted", task_weights={"nre": 0.0}),
        named_arm("full", "weighted"),
    )
    with pytest.raises(InvalidRun) as problem:
        prepare_comparison(spec, model_of)
    message = str(problem.value)
    assert "The arm 'weighted' is given twice; give it once, or give one of them" in message
    assert "Arm 'lower half (roberta-base)': 'bert.encoder.layer.0.*'" in message
    assert "Arm 'deep': " in message
    assert "top-9" in message
    assert "Arm 'weighted': task_weights names 'nre'; the tasks are sentiment, ner." in message


def test_problems_of_one_kind_keep_their_kind() -> None:
    spec = comparison(named_arm(OWN_PLAN, checkpoint="roberta-base"))
    with pytest.raises(SelectorMatchesNothing, match=r"Arm 'lower half \(roberta-base\)'"):
        prepare_comparison(spec, model_of)


def test_a_run_that_cannot_start_is_a_problem_of_its_arm() -> None:
    def check(run: object) -> None:
        raise BadInput("It has no weights.")

    spec = comparison(named_arm("full", checkpoint="bert-base-uncased"), named_arm(OWN_PLAN))
    with pytest.raises(BadInput) as problem:
        prepare_comparison(spec, model_of, check=check)
    assert str(problem.value) == (
        "Arm 'full (bert-base-uncased)': It has no weights. Arm 'lower half': It has no weights."
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            comparison(
                named_arm("full", options={"examples": {"ner": 50}}), train_sizes=(50, None)
            ),
            "it has its own number of examples",
        ),
        (
            comparison(named_arm("full", options={"epochs": 1}), seconds=3.0),
            "it has its own epochs, and the comparison gives every run the same seconds",
        ),
        (
            comparison(plain_arm("full"), named_arm("full", "again", options={"epochs": 3})),
            "Arms 'full' and 'again' are the same. Leave one of them out.",
        ),
    ],
)
def test_arms_that_contradict_the_comparison_are_refused(
    spec: ComparisonSpec, problem: str
) -> None:
    with pytest.raises(InvalidRun, match=problem):
        prepare_comparison(spec, model_of)


def test_the_name_of_a_comparison_has_two_checkpoints_and_counts_more() -> None:
    general = named_arm("full", checkpoint="bert-base-uncased")
    spec = comparison(plain_arm("full"), general)
    assert comparison_name(spec) == (
        "full, full (bert-base-uncased) · minilm-l6 and bert-base-uncased · 2 seeds"
    )
    more = comparison(plain_arm("full"), general, named_arm("full", checkpoint="biobert"))
    assert " · 3 checkpoints · " in comparison_name(more)
