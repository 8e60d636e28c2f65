import re
from xml.etree import ElementTree

from mtl_core.charts.cells import blended
from mtl_core.charts.thaw import thaw_svg
from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import State
from tests.run_story import minilm

LEARNS = LIGHT.states[State.TRAINABLE].color
FROZEN = LIGHT.states[State.FROZEN].fill


def drawn(scenario: str) -> str:
    model = minilm()
    svg, width = thaw_svg(parameter_tables(scenario_plan(scenario, model), model), LIGHT)
    assert ElementTree.fromstring(svg).get("width") == str(width)  # noqa: S314 - our own text
    return svg


def fills(svg: str) -> list[str]:
    return re.findall(r'<rect [^>]*fill="([^"]+)"', svg)


def test_heads_are_on_top_and_the_layers_below_them_down_to_the_embeddings() -> None:
    svg = drawn("top-2")
    assert fills(svg) == [LEARNS] * 4 + [FROZEN] * 5
    titles = re.findall(">([^<>]+)</text>", svg)
    assert titles == ["heads", *(f"layer {n}" for n in range(5, -1, -1)), "embeddings"]


def test_a_frozen_head_is_blue_beside_the_one_that_learns() -> None:
    assert fills(drawn("freeze-head:ner")) == [LEARNS, FROZEN] + [LEARNS] * 7


def test_each_phase_is_a_column_with_its_number() -> None:
    svg = drawn("gradual")
    assert re.findall(">([^<>]+)</text>", svg)[-4:] == ["1", "2", "3", "4"]
    assert fills(svg).count(LEARNS) == 4 * 2 + 0 + 1 + 2 + 3


def test_a_picture_of_many_phases_is_no_wider_than_a_phone_shows() -> None:
    model = minilm()
    widths = {
        scenario: thaw_svg(parameter_tables(scenario_plan(scenario, model), model), LIGHT)[1]
        for scenario in ("full", "gradual", "chain-thaw")
    }
    assert widths == {"full": 113, "gradual": 224, "chain-thaw": 319}


def test_a_smaller_rate_is_paler_and_never_gone() -> None:
    found = fills(drawn("discriminative"))
    assert found[2] == LEARNS
    assert len(set(found[2:])) == 7
    assert found[-1] == blended(LEARNS, LIGHT.background, 0.25)
    model = minilm()
    tables = parameter_tables(scenario_plan("discriminative", model), model)
    assert thaw_svg(tables, DARK)[0] != thaw_svg(tables, LIGHT)[0]
