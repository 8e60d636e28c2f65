from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import pytest

from mtl_core.charts.parameters import bar_pieces, shares_figure, short_count
from mtl_core.charts.rates import learning_groups, negligible_groups, rate_ratio, rates_figure
from mtl_core.charts.stack import HEADS_HEIGHT, STACK_HEIGHT, StackBlock, stack_blocks, stack_figure
from mtl_core.charts.theme import DARK, LIGHT, base_layout, palette
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import (
    BackboneDescription,
    BackboneTensor,
    ModelDescription,
    Role,
)
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

LAYER_OF_BERT = 7_087_872
BOTH = (TaskKind.SENTENCE, TaskKind.TOKEN)
SIX_TASKS = tuple(
    Task(name=name, kind=TaskKind.SENTENCE, head=f"head_{number}", outputs=("no", "yes"))
    for number, name in enumerate(("a<b>", "tone", "topic", "irony", "stance", "part of speech"))
)


def catalogue_model(
    name: str = "bert-base-uncased", tasks: tuple[Task, ...] = DEFAULT_TASKS
) -> ModelDescription:
    return ModelDescription(read_description(shipped_description(name)), tasks)


def invented_model(layers: int, shared_as: int | None = None) -> ModelDescription:
    """A stack of 8-wide layers with a tensor beside it; `shared_as` layers share one set."""

    def tensor(name: str, role: Role, **more: Any) -> BackboneTensor:
        shape = (8, 8)
        return BackboneTensor(
            name=name, shape=shape, dtype="float32", role=role, reached_by=BOTH, **more
        )

    backbone = BackboneDescription(
        architecture="invented",
        prefix="net",
        hidden_size=8,
        depth=shared_as or layers,
        layers=layers,
        heads_per_layer=2,
        intermediate_size=8,
        vocabulary_size=8,
        max_positions=None,
        tensors=(
            tensor("net.words.weight", Role.EMBEDDINGS),
            tensor("net.relative.weight", Role.BESIDE),
            *(
                tensor(f"net.layer.{number}.weight", Role.LAYER, layer=number)
                for number in range(layers)
            ),
        ),
    )
    return ModelDescription(backbone, DEFAULT_TASKS)


def table_of(scenario: str, model: ModelDescription, phase: int = 1) -> ParameterTable:
    return parameter_table(scenario_plan(scenario, model), model, phase)


def own_table(model: ModelDescription, *train: str) -> ParameterTable:
    return parameter_table(Plan(name="own", phases=(Phase(name="one", train=train),)), model)


def blocks_of(table: ParameterTable, model: ModelDescription) -> dict[str, StackBlock]:
    return {block.groups[0]: block for block in stack_blocks(table, model, STACK_HEIGHT - 2)}


def bars(figure: go.Figure) -> dict[str, list[tuple[str, int, int]]]:
    """What each state's bars stand for: group, tensors, parameters."""
    return {
        trace.name: [(group, tensors, count) for group, _, tensors, count in trace.customdata or ()]
        for trace in figure.data
    }


def words(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def gradient(figure: go.Figure) -> Any:
    return next((note for note in figure.layout.annotations if note.name == "gradient"), None)


def test_heads_only_draws_two_learning_heads_over_a_frozen_bert() -> None:
    model = catalogue_model()
    drawn = bars(stack_figure(table_of("heads-only", model), model, LIGHT))
    assert drawn["trainable"] == [("classifier", 2, 1_538), ("ner", 2, 3_076)]
    assert drawn["unreached"] == []
    assert drawn["frozen"][0] == ("pooler", 2, 590_592)
    assert drawn["frozen"][1] == ("layer 11", 16, LAYER_OF_BERT)
    assert drawn["frozen"][-1] == ("embeddings", 5, 23_837_184)
    assert len(drawn["frozen"]) == 14


@pytest.mark.parametrize("scenario", ["frozen", "heads-only", "top-2", "full", "freeze-head:ner"])
@pytest.mark.parametrize("name", ["minilm-l6", "bert-base-uncased", "roberta-base"])
def test_the_blocks_hold_every_parameter_once(name: str, scenario: str) -> None:
    model = catalogue_model(name)
    table = table_of(scenario, model)
    blocks = stack_blocks(table, model, STACK_HEIGHT - 2)
    assert sum(block.count for block in blocks) == model.total
    assert sum(block.tensors for block in blocks) == sum(table.tensors.values())


def test_layers_are_drawn_from_last_to_first_between_heads_and_embeddings() -> None:
    model = catalogue_model("minilm-l6")
    names = list(blocks_of(table_of("top-1", model), model))
    assert names == [
        *("classifier", "ner", "pooler", "layer 5", "layer 4", "layer 3", "layer 2", "layer 1"),
        *("layer 0", "embeddings"),
    ]


def test_heads_are_side_by_side_and_the_pooler_is_narrower() -> None:
    model = catalogue_model()
    blocks = blocks_of(table_of("heads-only", model), model)
    first, second, pooler = blocks["classifier"], blocks["ner"], blocks["pooler"]
    assert first.right < second.left < second.right < pooler.left
    assert first.top == second.top == pooler.top == 0
    assert pooler.right - pooler.left < (first.right - first.left) * 0.7


def test_the_gradient_arrow_ends_under_the_lowest_layer_that_learns() -> None:
    model = catalogue_model()
    table = table_of("top-2", model)
    figure = stack_figure(table, model, LIGHT)
    assert gradient(figure).y == blocks_of(table, model)["layer 10"].bottom
    assert "gradient<br>stops here" in words(figure)


def test_with_heads_only_the_gradient_ends_at_the_heads() -> None:
    model = catalogue_model()
    arrow = gradient(stack_figure(table_of("heads-only", model), model, LIGHT))
    assert arrow.y == HEADS_HEIGHT


def test_with_full_the_gradient_reaches_the_embeddings_and_the_pooler_is_unreached() -> None:
    model = catalogue_model()
    figure = stack_figure(table_of("full", model), model, LIGHT)
    assert bars(figure)["unreached"] == [("pooler", 2, 590_592)]
    assert "gradient reaches the embeddings" in words(figure)
    (edge,) = figure.layout.shapes
    assert edge.line.dash == "dot"


def test_if_nothing_learns_a_text_replaces_the_arrow() -> None:
    model = catalogue_model("minilm-l6")
    figure = stack_figure(table_of("frozen", model), model, LIGHT)
    assert gradient(figure) is None
    assert "nothing is trained:<br>no gradient" in words(figure)
    assert bars(figure)["trainable"] == []


def test_a_block_in_two_states_is_divided_and_shows_its_trainable_count() -> None:
    model = catalogue_model()
    table = own_table(model, "biases")
    layer = blocks_of(table, model)["layer 11"]
    assert [(each.state, each.tensors, each.count) for each in layer.segments] == [
        (State.TRAINABLE, 8, 8_448),
        (State.FROZEN, 8, LAYER_OF_BERT - 8_448),
    ]
    (_, left, middle), (_, also_middle, right) = layer.spans()
    assert (left, middle, right) == (layer.left, also_middle, layer.right)
    assert "8,448 of 7,087,872" in words(stack_figure(table, model, LIGHT))


def test_shared_layers_are_one_block_marked_with_their_number() -> None:
    model = invented_model(layers=1, shared_as=12)
    figure = stack_figure(table_of("full", model), model, LIGHT)
    assert bars(figure)["trainable"][2] == ("layer 0", 1, 64)
    assert "▲  layer × 12, shared" in words(figure)


def test_a_part_beside_the_stack_has_a_block_of_its_own() -> None:
    model = invented_model(layers=3)
    names = list(blocks_of(table_of("top-1", model), model))
    assert names[-2:] == ["net.relative", "embeddings"]


@pytest.mark.parametrize("layers", [1, 6, 12, 24, 48])
def test_the_stack_stays_within_the_figure_at_any_depth(layers: int) -> None:
    model = invented_model(layers)
    blocks = stack_blocks(table_of("full", model), model, STACK_HEIGHT - 2)
    stack = [block for block in blocks if block.role is not Role.HEAD]
    assert all(upper.bottom <= lower.top for upper, lower in pairwise(stack))
    assert stack[-1].bottom <= STACK_HEIGHT - 2


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_any_number_of_heads_fits_beside_the_pooler(heads: int) -> None:
    model = catalogue_model("minilm-l6", SIX_TASKS[:heads])
    blocks = stack_blocks(table_of("heads-only", model), model, STACK_HEIGHT - 2)
    row = [block for block in blocks if block.top == 0]
    assert len(row) == heads + 1
    assert all(left.right < right.left for left, right in pairwise(row))
    assert row[-1].right == pytest.approx(blocks[-1].right)


def test_user_names_are_escaped() -> None:
    model = catalogue_model("minilm-l6", SIX_TASKS[:1])
    assert "<b>A  A&lt;b&gt;</b>" in words(
        stack_figure(table_of("heads-only", model), model, LIGHT)
    )


def test_pieces_of_the_bar_add_up_and_join_neighbours_of_one_state() -> None:
    model = catalogue_model()
    pieces = bar_pieces(table_of("top-1", model))
    assert [(each.label, each.state, each.count) for each in pieces] == [
        ("heads", State.TRAINABLE, 4_614),
        ("pooler", State.FROZEN, 590_592),
        ("layer 11", State.TRAINABLE, LAYER_OF_BERT),
        ("layers 0 to 10", State.FROZEN, 11 * LAYER_OF_BERT),
        ("embeddings", State.FROZEN, 23_837_184),
    ]
    assert sum(each.count for each in pieces) == model.total


def test_the_bar_fills_its_width_and_shows_even_the_heads() -> None:
    model = catalogue_model()
    (bar,) = shares_figure(table_of("heads-only", model), LIGHT).data
    assert sum(bar.x) == pytest.approx(1.0)
    assert min(bar.x) > 0.003
    assert bar.text[-1] == "embeddings  23.8 M"


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (4_614, "4,614"), (23_837_184, "23.8 M")])
def test_counts_in_a_figure_have_three_digits(count: int, text: str) -> None:
    assert short_count(count) == text


def test_2_6_over_twelve_layers_leaves_the_embeddings_at_a_95_000th() -> None:
    model = catalogue_model()
    table = table_of("discriminative", model)
    assert round(rate_ratio(table)) == 95_429
    assert negligible_groups(table) == ("layer 3", "layer 2", "layer 1", "layer 0", "embeddings")


def test_rates_are_drawn_from_the_heads_down() -> None:
    model = catalogue_model("minilm-l6")
    table = table_of("discriminative", model)
    (line,) = rates_figure(table, LIGHT).data
    assert [name for name, _ in line.customdata] == [
        *("classifier", "ner", "layer 5", "layer 4", "layer 3", "layer 2", "layer 1", "layer 0"),
        "embeddings",
    ]
    rates = default_rates("discriminative", model.backbone.hidden_size)
    assert list(line.y[:3]) == [rates.heads, rates.heads, rates.encoder]
    assert line.y[3] == pytest.approx(rates.encoder / 2.6)
    assert negligible_groups(table) == ()


def test_with_heads_only_only_heads_have_a_rate() -> None:
    table = table_of("heads-only", catalogue_model())
    assert [group.name for group in learning_groups(table)] == ["classifier", "ner"]
    assert rate_ratio(table) == 1.0


def test_every_state_and_six_tasks_have_a_style_in_both_themes() -> None:
    for colors in (LIGHT, DARK):
        assert set(colors.states) == set(State)
        styles = [colors.task(number) for number in range(6)]
        assert [style.letter for style in styles] == list("ABCDEF")
        assert len({(style.dash, style.symbol) for style in styles}) == 6
    assert palette("dark") is DARK
    assert palette(None) is LIGHT


def test_changes_to_the_base_layout_keep_the_rest_of_an_axis() -> None:
    layout = base_layout(LIGHT, 300, xaxis={"type": "log"}, hovermode="x")
    assert layout["xaxis"]["type"] == "log"
    assert layout["xaxis"]["fixedrange"] is True
    assert (layout["height"], layout["hovermode"]) == (300, "x")
