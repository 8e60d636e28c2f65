import pytest

from benchmarks.tune_defaults import (
    SCENARIOS,
    TRIALS,
    candidates,
    choice,
    planned,
    read,
    refined,
)
from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan import Schedule
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml
from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.resolve import parameter_table, parameter_tables
from mtl_core.freezing.scenarios import scenario_kind, scenario_plan, scenarios
from mtl_core.freezing.table import State
from mtl_core.models.catalogue import catalogue
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import Task, TaskKind
from tests.freezing.small_models import model_of, shared_stack, shipped, tensor, two_layers


def names(model: ModelDescription) -> list[str]:
    return [scenario.name for scenario in scenarios(model)]


def test_a_model_of_six_layers_has_these_scenarios() -> None:
    assert names(shipped("minilm-l6")) == [
        "frozen",
        "heads-only",
        "layernorm",
        "bitfit",
        *(f"top-{n}" for n in range(1, 7)),
        *(f"bottom-{n}" for n in range(1, 7)),
        "freeze-head:sentiment",
        "freeze-head:ner",
        "embeddings-frozen",
        "full",
        "lp-ft",
        "gradual",
        "discriminative",
        "ulmfit",
        "chain-thaw",
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

    assert scenario_plan("full", small).learning_rate == 1e-4
    assert scenario_plan("full", small).head_learning_rate == 1e-2
    assert scenario_plan("heads-only", small).head_learning_rate == 7.1e-3
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
        ("haeds-only", r"There is no scenario 'haeds-only'\. Did you mean 'heads-only'\?"),
        (
            "nonsense",
            r"Scenarios: frozen, .*, chain-thaw, top-1 to top-12, bottom-1 to bottom-12\.",
        ),
        ("", r"There is no scenario ''\."),
        ("Full", r"There is no scenario 'Full'\. Did you mean 'full'"),
        ("top-13", r"it has 12 layers, so top-1 to top-12 exist\."),
        ("top-0", r"it has 12 layers, so top-1 to top-12 exist\."),
        ("freeze-head:classifier", r"there is no task 'classifier'\. Tasks: sentiment, ner\."),
        ("bottom-13", r"it has 12 layers, so bottom-1 to bottom-12 exist\."),
        ("bottom-0", r"it has 12 layers, so bottom-1 to bottom-12 exist\."),
        ("bottom-", r"There is no scenario 'bottom-'\. Did you mean 'bottom-"),
        ("bitfit:ner", r"There is no scenario 'bitfit:ner'\. Did you mean 'bitfit'"),
        ("ulm-fit", r"There is no scenario 'ulm-fit'\. Did you mean 'ulmfit'"),
        ("lora-plus", r"There is no scenario 'lora-plus'\."),
    ],
)
def test_an_unknown_scenario_is_refused_with_what_exists(name: str, says: str) -> None:
    with pytest.raises(UnknownScenario, match=says):
        scenario_plan(name, shipped("bert-base-uncased"))


@pytest.mark.parametrize(
    "name",
    [
        *("top-1", "top-12", "bottom-1", "bottom-12"),
        *("gradual", "discriminative", "ulmfit", "chain-thaw"),
    ],
)
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
        "embeddings-frozen",
        "full",
        "lp-ft",
    ]
    with pytest.raises(UnknownScenario) as refused:
        scenario_plan("nonsense", shared_stack())
    assert "top-" not in str(refused.value)
    assert "bottom-" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "bitfit",
            r"does not fit this checkpoint: its encoder has no biases\. Scenarios that fit: ",
        ),
        ("layernorm", r"'layernorm' does not fit this checkpoint: its encoder has no LayerNorms\."),
        (
            "embeddings-frozen",
            r"it has no separate embeddings\. Scenarios that fit: frozen, heads-only",
        ),
    ],
)
def test_a_model_without_such_tensors_is_not_offered_them_and_says_why(
    name: str, says: str
) -> None:
    model = model_of(tensor("tiny.layer.0.weight", 8, 8, layer=0), depth=1)  # heads have biases

    assert name not in names(model)
    with pytest.raises(UnknownScenario, match=says):
        scenario_plan(name, model)


def test_a_stack_too_deep_for_a_phase_each_is_refused_with_the_reason() -> None:
    layers = (tensor(f"tiny.layer.{n}.weight", 8, 8, layer=n) for n in range(99))
    model = model_of(*layers, depth=99)

    assert "gradual" in names(model)
    for name in ("ulmfit", "chain-thaw"):
        assert name not in names(model)
        with pytest.raises(UnknownScenario, match="its 99 layers need more than 100 phases"):
            scenario_plan(name, model)


def phases(name: str, model: ModelDescription) -> list[tuple[str, tuple[str, ...], float]]:
    return [(each.name, each.train, each.epochs) for each in scenario_plan(name, model).phases]


@pytest.mark.parametrize(("checkpoint", "layers"), [("bert-base-uncased", 12), ("minilm-l6", 6)])
def test_chain_thaw_is_the_heads_then_each_layer_alone_upwards_then_all(
    checkpoint: str, layers: int
) -> None:
    assert phases("chain-thaw", shipped(checkpoint)) == [
        ("heads", ("heads",), 1.0),
        ("embeddings", ("embeddings",), 1.0),
        *((f"layer {n}", (f"layer:{n}",), 1.0) for n in range(layers)),
        ("all", ("all",), 1.0),
    ]


@pytest.mark.parametrize(("checkpoint", "layers"), [("bert-base-uncased", 12), ("minilm-l6", 6)])
def test_ulmfit_thaws_downwards_over_every_layer_and_then_has_as_long_with_all(
    checkpoint: str, layers: int
) -> None:
    assert phases("ulmfit", shipped(checkpoint)) == [
        ("heads", ("heads",), 1.0),
        *((f"+ layer {layers - n}", ("heads", f"top:{n}"), 1.0) for n in range(1, layers + 1)),
        ("all", ("all",), layers + 1.0),
    ]
    plan = scenario_plan("ulmfit", shipped(checkpoint))
    assert (plan.schedule, plan.layer_decay) == (Schedule.SLANTED_TRIANGULAR, 2.6)


def test_lp_ft_probes_at_the_heads_own_rate_and_then_gives_everything_one() -> None:
    model = shipped("bert-base-uncased")
    plan = scenario_plan("lp-ft", model)

    assert phases("lp-ft", model) == [
        ("linear probing", ("heads",), 1.0),
        ("fine-tuning", ("all",), 1.0),
    ]
    assert [plan.rates_in(each) for each in plan.phases] == [(5e-5, 1e-2), (5e-5, 5e-5)]


@pytest.mark.parametrize(
    ("name", "bert", "minilm"),
    [
        # bert: 12 layers of 7,087,872; embeddings 23,837,184; heads 4,614; pooler unreached
        # minilm: 6 layers of 1,774,464; embeddings 11,918,592; heads 2,310
        ("bottom-1", 7_092_486, 1_776_774),
        ("bottom-2", 14_180_358, 3_551_238),
        # biases: a layer 7 of the width and one of 4 widths; one of the embeddings' LayerNorm
        ("bitfit", (12 * 11 + 1) * 768 + 4_614, (6 * 11 + 1) * 384 + 2_310),
        # LayerNorms: weight and bias, two a layer and one of the embeddings
        ("layernorm", 25 * 2 * 768 + 4_614, 13 * 2 * 384 + 2_310),
        ("embeddings-frozen", 12 * 7_087_872 + 4_614, 6 * 1_774_464 + 2_310),
    ],
)
def test_what_learns_is_counted_to_the_parameter(name: str, bert: int, minilm: int) -> None:
    for checkpoint, learns in (("bert-base-uncased", bert), ("minilm-l6", minilm)):
        model = shipped(checkpoint)
        table = parameter_table(scenario_plan(name, model), model)
        assert table.totals.trainable == learns


@pytest.mark.parametrize("checkpoint", ["bert-base-uncased", "minilm-l6"])
def test_each_phase_of_chain_thaw_trains_one_part_and_together_they_train_all(
    checkpoint: str,
) -> None:
    model = shipped(checkpoint)
    *alone, last = parameter_tables(scenario_plan("chain-thaw", model), model)

    learning = [{row.name for row in each.rows if row.learning_rate} for each in alone]
    assert sum(map(len, learning)) == len(set().union(*learning))  # no tensor twice
    assert set().union(*learning) == {row.name for row in last.rows if row.learning_rate}
    assert sum(each.totals.trainable for each in alone) == last.totals.trainable


def test_an_explicit_freeze_wins_over_every_phase_of_every_scenario() -> None:
    model = shipped("minilm-l6")
    for name in names(model):
        plan = scenario_plan(name, model)
        never = (*plan.freeze, "layer:5", "head:ner", "layernorms", "embeddings")
        changed = plan.model_copy(update={"freeze": never})
        for table in parameter_tables(changed, model):
            learning = {row.name for row in table.rows if row.state is not State.FROZEN}
            assert not any("layer.5." in each for each in learning)
            assert not any("LayerNorm" in each or "ner." in each[:4] for each in learning)
            assert not any(".embeddings." in each for each in learning)


def test_ulmfits_rates_are_divided_by_2_6_a_layer_and_once_more_for_the_embeddings() -> None:
    model = two_layers()
    tables = parameter_tables(scenario_plan("ulmfit", model), model)

    rates = [{g.name: g.learning_rate for g in table.groups} for table in tables]
    none = {"embeddings": None, "layer 0": None, "layer 1": None, "pooler": None}
    none |= {"tiny.final.norm": None}
    own = default_rates("ulmfit", model.backbone.hidden_size)
    top = {"classifier": own.heads, "ner": own.heads, "layer 1": own.encoder}
    layers = {**top, "layer 0": own.encoder / 2.6}
    lowest = own.encoder / 2.6**2
    assert rates == [
        {**none, "classifier": 1e-2, "ner": 1e-2},
        {**none, **top},
        {**none, **layers},
        {**none, **layers, "embeddings": lowest, "tiny.final.norm": lowest},
    ]


def test_biases_and_layernorms_alone_have_ten_times_an_encoders_rate() -> None:
    for name in ("bitfit", "layernorm"):
        plan = scenario_plan(name, shipped("bert-base-uncased"))
        assert plan.rates_in(plan.phases[0]) == (pytest.approx(5e-4, rel=1e-12), 1e-2)


def test_every_scenario_has_the_rates_that_the_search_chose() -> None:
    """Those of kinds that were not searched are those of another kind, or train nothing."""
    trials = list(planned(SCENARIOS))
    found = read(TRIALS)
    trials += refined(found, trials)
    for name in SCENARIOS:
        own = [trial for trial in trials if trial.scenario == name]
        assert choice(candidates(found, own)).rates == default_rates(scenario_kind(name)[0], 384)
    assert default_rates("freeze-head", 384) == default_rates("full", 384)
