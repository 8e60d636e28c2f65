import pytest

from mtl_core.errors import InvalidPlan, SelectorMatchesNothing
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_table, parameter_tables
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.freezing.table import ParameterTable, State, Totals, layers_crossed
from mtl_core.models.catalogue import catalogue
from mtl_core.models.description import BackboneDescription, BackboneTensor, ModelDescription, Role
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind
from tests.freezing.small_models import (
    model_of,
    plan_of,
    shared_stack,
    shipped,
    tensor,
    tied_model,
    two_layers,
)

CATALOGUE = [entry.name for entry in catalogue()]


def bert_table(scenario: str) -> ParameterTable:
    model = shipped("bert-base-uncased")
    return parameter_table(scenario_plan(scenario, model), model)


def states(table: ParameterTable) -> dict[str, State]:
    return {row.name: row.state for row in table.rows}


def rates(table: ParameterTable) -> dict[str, float | None]:
    return {group.name: group.learning_rate for group in table.groups}


@pytest.mark.parametrize(
    ("scenario", "trainable", "frozen", "unreached"),
    [
        ("frozen", 0, 109_486_854, 0),
        ("heads-only", 4_614, 109_482_240, 0),
        ("top-1", 7_092_486, 102_394_368, 0),
        ("top-2", 14_180_358, 95_306_496, 0),
        ("full", 108_896_262, 0, 590_592),
        ("freeze-head:ner", 108_893_186, 3_076, 590_592),
        ("freeze-head:sentiment", 108_894_724, 1_538, 590_592),
        ("discriminative", 108_896_262, 0, 590_592),
    ],
)
def test_bert_base_has_the_known_counts(
    scenario: str, trainable: int, frozen: int, unreached: int
) -> None:
    totals = bert_table(scenario).totals

    assert totals == Totals(
        all=109_486_854, trainable=trainable, frozen=frozen, unreached=unreached
    )


@pytest.mark.parametrize(
    ("scenario", "trainable", "frozen", "unreached"),
    [("heads-only", 4, 199, 0), ("full", 201, 0, 2), ("frozen", 0, 203, 0)],
)
def test_tensors_are_counted_by_state(
    scenario: str, trainable: int, frozen: int, unreached: int
) -> None:
    assert bert_table(scenario).tensors == {
        State.TRAINABLE: trainable,
        State.FROZEN: frozen,
        State.UNREACHED: unreached,
    }


@pytest.mark.parametrize("checkpoint", CATALOGUE)
def test_counts_add_up_for_every_scenario_and_phase(checkpoint: str) -> None:
    model = shipped(checkpoint)
    for scenario in scenarios(model):
        for table in parameter_tables(scenario_plan(scenario.name, model), model):
            totals = table.totals
            assert totals.trainable + totals.frozen + totals.unreached == totals.all == model.total
            for part in ("all", "trainable", "frozen", "unreached"):
                by_group = sum(getattr(group.totals, part) for group in table.groups)
                assert by_group == getattr(totals, part)
            for group in table.groups:
                rows = [row.count for row in table.rows if row.group == group.name]
                assert sum(rows) == group.totals.all
            assert [row.name for row in table.rows] == [t.name for t in model.tensors]


@pytest.mark.parametrize("checkpoint", CATALOGUE)
def test_only_trainable_rows_have_a_rate(checkpoint: str) -> None:
    model = shipped(checkpoint)
    for scenario in scenarios(model):
        for table in parameter_tables(scenario_plan(scenario.name, model), model):
            for row in table.rows:
                assert (row.learning_rate is not None) is (row.state is State.TRAINABLE)


def test_gradual_trains_one_more_layer_per_phase() -> None:
    model = shipped("bert-base-uncased")
    tables = parameter_tables(scenario_plan("gradual", model), model)

    assert [table.totals.trainable for table in tables] == [
        4_614,
        7_092_486,
        14_180_358,
        21_268_230,
    ]
    assert [table.gradient_stops_at for table in tables] == [
        "classifier",
        "layer 11",
        "layer 10",
        "layer 9",
    ]
    assert [table.phase_number for table in tables] == [1, 2, 3, 4]


def test_the_pooler_is_unreached_only_where_the_plan_would_let_it_learn() -> None:
    name = "bert.pooler.dense.weight"

    assert states(bert_table("full"))[name] is State.UNREACHED
    assert states(bert_table("top-12"))[name] is State.FROZEN


def test_freeze_takes_precedence_over_every_phase() -> None:
    plan = Plan(
        name="protected",
        phases=(Phase(name="one", train=("all",)), Phase(name="two", train=("embeddings",))),
        freeze=("tiny.embeddings.*",),
    )
    first, second = parameter_tables(plan, two_layers())

    assert states(first)["tiny.embeddings.weight"] is State.FROZEN
    assert first.totals == Totals(all=350, trainable=206, frozen=80, unreached=64)
    assert second.totals == Totals(all=350, trainable=0, frozen=350, unreached=0)


def test_a_freeze_that_matches_nothing_is_refused() -> None:
    with pytest.raises(SelectorMatchesNothing, match="'nothing' in 'freeze' of 'mine'"):
        parameter_tables(plan_of("all", freeze=("nothing",)), two_layers())


def test_all_phases_are_checked_before_the_first_is_shown() -> None:
    plan = Plan(
        name="late", phases=(Phase(name="a", train=()), Phase(name="b", train=("layer:7",)))
    )
    with pytest.raises(InvalidPlan, match="'layer:7' in phase 'b'"):
        parameter_table(plan, two_layers(), phase=1)


def test_a_tied_tensor_is_counted_once() -> None:
    table = parameter_table(plan_of("all"), tied_model())
    rows = {row.name: row for row in table.rows}

    assert table.totals.all == 80 + 64 + 8 + 18 + 36
    assert rows["tiny.layer.1.dense.weight"].count == 0
    assert rows["tiny.layer.1.dense.weight"].tied_to == "tiny.layer.0.dense.weight"
    assert table.tensors[State.TRAINABLE] == 7


@pytest.mark.parametrize("frozen", ["tiny.layer.0.dense.weight", "tiny.layer.1.dense.weight"])
def test_a_tied_tensor_is_frozen_if_any_of_its_names_is(frozen: str) -> None:
    table = parameter_table(plan_of("all", freeze=(frozen,)), tied_model())

    assert states(table)["tiny.layer.0.dense.weight"] is State.FROZEN
    assert states(table)["tiny.layer.1.dense.weight"] is State.FROZEN
    assert table.totals.frozen == 64


def test_a_tied_tensor_has_one_rate_under_all_its_names() -> None:
    table = parameter_table(plan_of("all", learning_rate=1e-3, layer_decay=2), tied_model())
    shown = {row.name: row.learning_rate for row in table.rows}

    assert shown["tiny.layer.0.dense.weight"] == 1e-3 / 2
    assert shown["tiny.layer.1.dense.weight"] == 1e-3 / 2
    assert shown["tiny.layer.1.norm.bias"] == 1e-3


def test_a_tied_tensor_learns_if_a_loss_reaches_it_under_any_name() -> None:
    model = model_of(
        tensor("tiny.layer.0.weight", 8, 8, layer=0, reached_by=()),
        tensor("tiny.layer.1.weight", 8, 8, layer=1, tied_to="tiny.layer.0.weight"),
    )
    assert set(states(parameter_table(plan_of("backbone"), model)).values()) == {
        State.TRAINABLE,
        State.FROZEN,
    }
    assert parameter_table(plan_of("backbone"), model).totals.trainable == 64


def test_a_shared_stack_learns_whole_or_not_at_all() -> None:
    model = shared_stack()
    table = parameter_table(scenario_plan("full", model), model)

    assert table.totals == Totals(all=198, trainable=198, frozen=0, unreached=0)
    assert parameter_table(plan_of("top:12"), model).totals.trainable == 64
    with pytest.raises(InvalidPlan, match="share one set of weights"):
        parameter_table(plan_of("heads", "top:1"), model)


def test_layer_decay_divides_once_for_each_layer_down_and_the_embeddings_are_lowest() -> None:
    top, heads = 5e-5, 1e-3
    found = rates(bert_table("discriminative"))

    assert found["classifier"] == found["ner"] == heads
    assert found["pooler"] is None  # unreached
    assert found["layer 11"] == top
    assert found["layer 10"] == pytest.approx(top / 2.6, rel=1e-15)
    assert found["layer 9"] == pytest.approx(7.396449704142012e-06, rel=1e-12)
    assert found["layer 0"] == pytest.approx(top / 2.6**11, rel=1e-12)
    assert found["embeddings"] == pytest.approx(top / 2.6**12, rel=1e-12)
    assert top / found["embeddings"] == pytest.approx(95_428.956_661_682_18, rel=1e-9)


def test_a_trained_pooler_has_the_top_rate_and_parameters_outside_the_stack_the_lowest() -> None:
    model = model_of(
        tensor("tiny.layer.0.weight", 8, layer=0),
        tensor("tiny.layer.1.weight", 8, layer=1),
        tensor("tiny.pooler.weight", 8, role=Role.POOLER),
        tensor("tiny.relative.weight", 8, role=Role.BESIDE),
    )
    table = parameter_table(
        plan_of("all", learning_rate=1e-3, head_learning_rate=1e-2, layer_decay=2), model
    )

    assert rates(table) == {
        "layer 0": 5e-4,
        "layer 1": 1e-3,
        "pooler": 1e-3,
        "tiny.relative": 2.5e-4,
        "classifier": 1e-2,
        "ner": 1e-2,
    }


def test_a_norm_after_the_layers_has_the_rate_of_the_top_layer() -> None:
    model = shipped("modernbert-base")
    table = parameter_table(scenario_plan("discriminative", model), model)
    by_name = {row.name: row.learning_rate for row in table.rows}

    assert by_name["model.final_norm.weight"] == 5e-5
    assert by_name["model.layers.21.mlp.Wo.weight"] == 5e-5
    assert by_name["model.layers.0.mlp.Wo.weight"] == pytest.approx(5e-5 / 2.6**21, rel=1e-12)


def test_without_decay_every_layer_has_the_same_rate() -> None:
    assert set(rates(bert_table("full")).values()) == {5e-5, 1e-3, None}


def test_the_rate_of_a_phase_in_one_number_is_the_encoders_then_the_heads() -> None:
    assert bert_table("full").learning_rate == 5e-5
    assert bert_table("heads-only").learning_rate == 1e-2
    assert bert_table("frozen").learning_rate is None


@pytest.mark.parametrize(
    ("train", "group"),
    [
        (("all",), "embeddings"),
        (("heads", "top:1"), "layer 1"),
        (("heads", "bottom:1"), "layer 0"),
        (("heads",), "classifier"),
        (("head:ner",), "ner"),
        ((), None),
        (("pooler",), None),
    ],
)
def test_the_gradient_stops_at_the_lowest_group_that_learns(
    train: tuple[str, ...], group: str | None
) -> None:
    assert parameter_table(plan_of(*train), two_layers()).gradient_stops_at == group


def test_a_task_with_weight_zero_reaches_no_tensor() -> None:
    found = states(parameter_table(plan_of("all", task_weights={"ner": 0}), two_layers()))

    assert found["ner.weight"] is State.UNREACHED
    assert found["classifier.weight"] is State.TRAINABLE
    assert found["tiny.layer.0.dense.weight"] is State.TRAINABLE  # the other task reaches it


def test_a_plan_with_all_task_weights_zero_is_refused() -> None:
    plan = plan_of("all", task_weights={"ner": 0, "sentiment": 0.0})
    with pytest.raises(InvalidPlan, match="leave one of sentiment, ner above 0"):
        parameter_tables(plan, two_layers())


def test_a_task_weight_of_a_half_gives_the_same_rows_as_one() -> None:
    weighed = parameter_table(plan_of("all", task_weights={"ner": 0.5}), two_layers())
    plain = parameter_table(plan_of("all"), two_layers())

    assert weighed.rows == plain.rows


def test_a_weight_for_an_unknown_task_is_refused_with_the_nearest() -> None:
    says = r"task_weights names 'nre'; the tasks are sentiment, ner\. Did you mean 'ner'\?"
    with pytest.raises(InvalidPlan, match=says):
        parameter_tables(plan_of("all", task_weights={"nre": 1}), two_layers())


@pytest.mark.parametrize("phase", [0, -1, 2])
def test_a_phase_that_does_not_exist_is_refused(phase: int) -> None:
    with pytest.raises(
        InvalidPlan, match=rf"There is no phase {phase}: 'mine' has 1 phase, numbered from 1"
    ):
        parameter_table(plan_of("all"), two_layers(), phase)


def test_the_trainable_share_is_of_all_parameters(bert: ModelDescription) -> None:
    table = parameter_table(scenario_plan("heads-only", bert), bert)

    assert table.totals.trainable_share == 4_614 / 109_486_854


@pytest.fixture
def bert() -> ModelDescription:
    return shipped("bert-base-uncased")


def crossed(model: ModelDescription, *train: str) -> int:
    plan = Plan(name="plan", phases=(Phase(name="phase", train=train),))
    return layers_crossed(parameter_table(plan, model), model.backbone)


@pytest.mark.parametrize(
    ("train", "layers"),
    [
        ((), 0),
        (("heads",), 0),
        (("heads", "pooler"), 0),
        (("heads", "top:1"), 1),
        (("heads", "layer:5"), 7),
        (("heads", "bottom:1"), 12),
        (("heads", "biases"), 12),
        (("embeddings",), 12),
    ],
)
def test_the_gradient_crosses_the_layers_above_the_lowest_trainable_tensor(
    train: tuple[str, ...], layers: int
) -> None:
    assert crossed(shipped("bert-base-uncased"), *train) == layers


def test_the_gradient_crosses_all_layers_of_a_shared_stack_or_none() -> None:
    layer = BackboneTensor(
        name="net.layer.weight",
        shape=(8, 8),
        dtype="float32",
        role=Role.LAYER,
        layer=0,
        reached_by=(TaskKind.SENTENCE, TaskKind.TOKEN),
    )
    backbone = BackboneDescription(
        architecture="invented",
        prefix="net",
        hidden_size=8,
        depth=12,
        layers=1,
        heads_per_layer=2,
        intermediate_size=8,
        vocabulary_size=8,
        max_positions=None,
        tensors=(layer,),
    )
    model = ModelDescription(backbone, DEFAULT_TASKS)
    assert crossed(model, "backbone") == 12
    assert crossed(model, "heads") == 0
