import pytest

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.models.catalogue import catalogue
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import Task, TaskKind
from tests.freezing.small_models import shared_stack, shipped, two_layers


def names(model: ModelDescription) -> list[str]:
    return [scenario.name for scenario in scenarios(model)]


def test_a_model_of_six_layers_has_these_scenarios() -> None:
    assert names(shipped("minilm-l6")) == [
        "frozen",
        "heads-only",
        *(f"top-{n}" for n in range(1, 7)),
        "freeze-head:sentiment",
        "freeze-head:ner",
        "full",
        "gradual",
        "discriminative",
    ]


def test_freeze_head_is_offered_for_each_task_by_the_tasks_name() -> None:
    tasks = (
        Task(name="a-b", kind=TaskKind.SENTENCE, head="one", outputs=("x", "y")),
        Task(name="frozen", kind=TaskKind.TOKEN, head="two", outputs=("O", "X")),
    )
    model = ModelDescription(shipped("minilm-l6").backbone, tasks)

    offered = [name for name in names(model) if "freeze-head" in name]
    assert offered == ["freeze-head:a-b", "freeze-head:frozen"]
    assert [scenario_plan(name, model).freeze for name in offered] == [
        ("head:a-b",),
        ("head:frozen",),
    ]


def test_the_listing_says_how_many_phases_the_plan_has() -> None:
    for model in (shipped("bert-base-uncased"), two_layers(), shared_stack()):
        for scenario in scenarios(model):
            assert scenario.phases == len(scenario_plan(scenario.name, model).phases)


def test_gradual_on_two_layers_opens_both_and_stops() -> None:
    phases = scenario_plan("gradual", two_layers()).phases

    assert [phase.train for phase in phases] == [
        ("heads",),
        ("heads", "top:1"),
        ("heads", "top:2"),
    ]
    assert [phase.name for phase in phases] == ["heads", "+ layer 1", "+ layer 0"]


def test_rates_suit_the_size_of_the_encoder_and_what_learns() -> None:
    small, base = shipped("minilm-l6"), shipped("bert-base-uncased")

    assert scenario_plan("full", small).learning_rate == 3e-4
    assert scenario_plan("full", base).learning_rate == 5e-5
    assert scenario_plan("full", base).head_learning_rate == 1e-3
    assert scenario_plan("heads-only", base).head_learning_rate == 1e-2
    gradual = scenario_plan("gradual", base)
    assert [gradual.rates_in(phase)[1] for phase in gradual.phases] == [1e-2, 1e-3, 1e-3, 1e-3]


@pytest.mark.parametrize("checkpoint", [entry.name for entry in catalogue()])
def test_every_scenario_reads_back_from_yaml(checkpoint: str) -> None:
    model = shipped(checkpoint)
    for name in names(model):
        plan = scenario_plan(name, model)
        assert parse_plan(plan_to_yaml(plan)) == plan


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("haeds-only", r"There is no scenario 'haeds-only'\. Did you mean heads-only\?"),
        ("nonsense", r"Scenarios: frozen, heads-only, .*, discriminative, top-1 to top-12\."),
        ("", r"There is no scenario ''\."),
        ("Full", r"There is no scenario 'Full'\. Did you mean full"),
        ("top-13", r"it has 12 layers, so top-1 to top-12 exist\."),
        ("top-0", r"it has 12 layers, so top-1 to top-12 exist\."),
        ("freeze-head:classifier", r"there is no task 'classifier'\. Tasks: sentiment, ner\."),
        ("ulmfit", r"There is no scenario 'ulmfit'\."),
    ],
)
def test_an_unknown_scenario_is_refused_with_what_exists(name: str, says: str) -> None:
    with pytest.raises(UnknownScenario, match=says):
        scenario_plan(name, shipped("bert-base-uncased"))


@pytest.mark.parametrize("name", ["top-1", "top-12", "gradual", "discriminative"])
def test_a_shared_stack_refuses_what_needs_single_layers_with_the_reason(name: str) -> None:
    says = f"'{name}' does not fit this checkpoint: its 12 layers share one set of weights"
    with pytest.raises(UnknownScenario, match=says):
        scenario_plan(name, shared_stack())


def test_a_shared_stack_still_has_all_that_needs_no_single_layer() -> None:
    assert names(shared_stack()) == [
        "frozen",
        "heads-only",
        "freeze-head:sentiment",
        "freeze-head:ner",
        "full",
    ]
    with pytest.raises(UnknownScenario) as refused:
        scenario_plan("nonsense", shared_stack())
    assert "top-" not in str(refused.value)
