"""The small pictures of the guide: the effect of a claim, and what each phase trains."""

import re
from xml.etree import ElementTree

from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.charts.guide_pictures import (
    EFFECT_WIDTH,
    OUTCOMES_WIDTH,
    effect_svg,
    outcomes_svg,
    phases_svg,
)
from mtl_core.charts.theme import DARK, LIGHT, blend
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import State
from tests.run_story import minilm

LEARNS = LIGHT.states[State.TRAINABLE].color
FROZEN = LIGHT.states[State.FROZEN].fill


def drawn(scenario: str) -> str:
    model = minilm()
    svg, width = phases_svg(parameter_tables(scenario_plan(scenario, model), model), LIGHT)
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
        scenario: phases_svg(parameter_tables(scenario_plan(scenario, model), model), LIGHT)[1]
        for scenario in ("full", "gradual", "chain-thaw")
    }
    assert widths == {"full": 113, "gradual": 224, "chain-thaw": 319}


def test_a_smaller_rate_is_paler_but_visible() -> None:
    found = fills(drawn("discriminative"))
    assert found[2] == LEARNS
    assert len(set(found[2:])) == 7
    assert found[-1] == blend(LEARNS, LIGHT.background, 0.25)
    model = minilm()
    tables = parameter_tables(scenario_plan("discriminative", model), model)
    assert phases_svg(tables, DARK)[0] != phases_svg(tables, LIGHT)[0]


def finding(effect: float, low: float, high: float, **changes: object) -> Finding:
    return Finding(ClaimVerdict.HOLDS, effect=effect, low=low, high=high, seeds=3, **changes)


def dot(svg: str | None) -> float:
    found = re.search(r'<circle cx="([\d.]+)"', svg or "")
    assert found
    return float(found[1])


def test_no_effect_is_in_the_middle_and_more_lies_to_the_right() -> None:
    assert dot(effect_svg(finding(0.0, -0.1, 0.1), None, LIGHT)) == EFFECT_WIDTH / 2
    assert dot(effect_svg(finding(0.05, -0.1, 0.1), None, LIGHT)) > EFFECT_WIDTH / 2
    assert dot(effect_svg(finding(-0.05, -0.1, 0.1), None, LIGHT)) < EFFECT_WIDTH / 2


def test_a_ratio_of_one_is_in_the_middle_and_half_as_far_as_double() -> None:
    half, double = (
        dot(effect_svg(finding(value, 0.25, 4.0, scale=Scale.RATIO, bar=1.0), None, LIGHT))
        for value in (0.5, 2.0)
    )
    assert round(EFFECT_WIDTH / 2 - half, 1) == round(double - EFFECT_WIDTH / 2, 1) > 0


def test_everything_drawn_is_inside_and_the_document_is_well_formed() -> None:
    svg = effect_svg(finding(-0.4, -0.9, 0.3, bar=-0.07), 0.5, DARK)
    assert svg is not None
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    marks = [each.tag.rpartition("}")[2] for each in root]
    assert marks == ["line", "line", "line", "circle", "polygon"]
    xs = [float(each) for each in re.findall(r'(?:cx|x1|x2)="([\d.]+)"', svg)]
    assert min(xs) > 0
    assert max(xs) < EFFECT_WIDTH


def test_the_margin_is_shaded_from_the_bar_to_what_matters() -> None:
    svg = effect_svg(finding(0.06, 0.0, 0.12, margin=0.03), None, LIGHT)
    assert svg is not None
    shaded = re.search(r'<rect x="([\d.]+)" y="6" width="([\d.]+)"', svg)
    assert shaded
    assert float(shaded[1]) == EFFECT_WIDTH / 2
    assert float(shaded[2]) == round((EFFECT_WIDTH / 2 - 10) * 0.03 / (0.12 * 1.08), 1)


def test_a_finding_without_an_effect_has_no_picture() -> None:
    assert effect_svg(Finding(ClaimVerdict.OPEN), None, LIGHT) is None
    counted = Finding(ClaimVerdict.DOES_NOT_HOLD, Scale.SHARE, effect=0.3, bar=1.0)
    assert effect_svg(counted, None, LIGHT) is None


def test_intervals_share_a_scale_with_the_margin_as_a_band_around_zero() -> None:
    rows = [
        ("below", PairedDifference(-0.06, -0.09, -0.03, 5, 200)),
        ("equivalent", PairedDifference(0.0, -0.02, 0.02, 5, 200)),
    ]
    svg = outcomes_svg(rows, 0.03, LIGHT)
    ElementTree.fromstring(svg)  # noqa: S314 - our own text
    (band,) = re.findall(r'<rect x="([\d.]+)" y="0" width="([\d.]+)"', svg)
    start, width = map(float, band)
    below, equivalent = map(float, re.findall(r'cx="([\d.]+)"', svg))
    assert equivalent == round(start + width / 2, 1)
    assert below == round(start - width / 2, 1)
    ends = [
        tuple(map(float, each)) for each in re.findall(r'x1="([\d.]+)" y1="30" x2="([\d.]+)"', svg)
    ]
    assert ends == [(8.0, start)]
    assert start + width == OUTCOMES_WIDTH - 8
    assert re.findall(">([^<>]+)</text>", svg) == [
        *("below", "equivalent"),
        *("−0.03", "0", "+0.03"),
        *("← worse", "better →"),
    ]
