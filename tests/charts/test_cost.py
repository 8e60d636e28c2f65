import pytest

from mtl_core.charts.cost import memory_figure, memory_parts
from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.cost.estimate import StepCost


def cost(weights: int, gradients: int, optimizer: int, kept: int) -> StepCost:
    return StepCost(
        batch_size=16,
        max_length=128,
        forward_flops=1,
        backward_flops=1,
        reused_forward_flops=1,
        saved_activation_bytes=kept,
        training_mode_bytes=kept,
        gradient_bytes=gradients,
        optimizer_bytes=optimizer,
        weight_bytes=weights,
    )


HERE = cost(438_000_000, 18_456, 36_912, 6_300_000)
FULL = cost(438_000_000, 436_000_000, 871_000_000, 1_838_000_000)


def test_the_parts_add_up_to_the_memory() -> None:
    assert sum(part.bytes for part in memory_parts(FULL)) == FULL.memory_bytes


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_each_bar_is_labelled_with_its_total(colors) -> None:
    figure = memory_figure(HERE, FULL, colors)
    assert [sum(bar.x[row] for bar in figure.data) for row in (0, 1)] == [
        HERE.memory_bytes,
        FULL.memory_bytes,
    ]
    *totals, _ = figure.layout.annotations
    said = [(each.x, each.text) for each in totals]
    assert said == [(444_355_368, "<b>444 MB</b>"), (3_583_000_000, "<b>3,583 MB</b>")]


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_the_legend_names_each_grey(colors) -> None:
    figure = memory_figure(HERE, FULL, colors)
    legend = figure.layout.annotations[-1].text
    keys = [f'<span style="color:{bar.marker.color}">■</span> {bar.name}' for bar in figure.data]
    assert legend.split("\u2003") == keys
    assert [bar.name for bar in figure.data] == ["weights", "gradients", "optimizer", "activations"]


def test_labels_are_shown_only_where_they_fit() -> None:
    figure = memory_figure(HERE, FULL, LIGHT)
    assert [bar.text[0] for bar in figure.data] == ["weights 438", "", "", ""]
    assert figure.data[3].text[1] == "activations 1,838"
