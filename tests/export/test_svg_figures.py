"""Figures drawn as SVG without a browser."""

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from mtl_core.charts.labels import round_steps
from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.export.svg import svg_file, svg_of, tick_label
from mtl_core.export.svg_elements import color_attributes, element
from mtl_core.report.load import Report
from mtl_core.report.losses import loss_panels
from mtl_core.report.panel import Drawing, draw_panel
from mtl_core.report.stacks import stack_drawings

Read = Callable[..., Report]
SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own drawing


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


@pytest.fixture
def drawings(read: Read, pair: tuple[str, str]) -> tuple[Drawing, ...]:
    report = read(*pair)
    return (*map(draw_panel, loss_panels(report)), *stack_drawings(report))


def test_every_figure_is_whole_xml_of_its_size(drawings: tuple[Drawing, ...]) -> None:
    assert len(drawings) == 4
    for drawing in drawings:
        for figure in (drawing.light, drawing.dark):
            root = parsed(svg_of(figure, drawing.title, 500))
            assert root.tag == f"{SVG}svg"
            assert root.get("viewBox") == f"0 0 500 {figure['layout']['height']}"
            assert root.findtext(f"{SVG}title") == drawing.title


def test_a_loss_figure_holds_each_run_with_its_end(drawings: tuple[Drawing, ...]) -> None:
    root = parsed(svg_of(drawings[0].light, "loss"))
    assert len(root.findall(f".//{SVG}polyline")) == 4  # train and validation of two runs
    assert len(root.findall(f".//{SVG}circle")) == 4  # two evaluations each
    assert {"step", "top layer 0.50", "heads only 0.50"} <= set(texts(root))


def test_a_stack_shows_where_the_gradient_stops(drawings: tuple[Drawing, ...]) -> None:
    root = parsed(svg_of(drawings[2].light, "stack"))
    found = texts(root)
    assert "gradient" in found
    assert "stops here" in found
    assert sum("layer " in text for text in found) == 6
    assert len(root.findall(f".//{SVG}polygon")) == 2  # two arrowheads


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_a_file_has_title_facts_and_background(
    drawings: tuple[Drawing, ...], colors: object
) -> None:
    palette = LIGHT if colors is LIGHT else DARK
    facts = " · ".join(["minilm-l6"] * 30)
    root = parsed(svg_file(drawings[0].light, "A <title> & more", facts, palette))
    assert root[1].get("fill") == palette.background
    assert texts(root)[0] == "A <title> & more"
    assert " ".join(texts(root)[1:4]).startswith("minilm-l6 · minilm-l6")
    assert len(texts(root)[1]) <= 140


def test_text_is_escaped_and_forbidden_characters_are_replaced() -> None:
    drawn = element("text", "", title="\x00\"<b>'&")
    assert parsed(drawn).get("title") == "\ufffd\"<b>'&"


@pytest.mark.parametrize(
    ("ends", "most", "expected"),
    [
        ((0, 150), 7, [0, 50, 100, 150]),
        ((0, 1.06), 5, [0, 0.5, 1.0]),
        ((0, 0.1), 5, [0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        ((0, 3000), 7, [0, 500, 1000, 1500, 2000, 2500, 3000]),
        ((1, 1), 5, []),
    ],
)
def test_ticks_are_round_numbers(
    ends: tuple[float, float], most: int, expected: list[float]
) -> None:
    assert round_steps(*ends, most) == pytest.approx(expected)


def test_tick_labels_have_separators_and_no_rounding_errors() -> None:
    assert [tick_label(value) for value in (0, 0.1 * 3, 0.5, 150, 2000)] == [
        *("0", "0.3", "0.5", "150", "2,000")
    ]


def test_a_transparent_colour_is_split_into_colour_and_opacity() -> None:
    assert color_attributes("rgba(0,114,178,0.15)") == {"fill": "#0072b2", "fill_opacity": 0.15}
    assert color_attributes("#D55E00", "stroke") == {"stroke": "#D55E00"}


def test_an_unknown_type_of_trace_is_refused(drawings: tuple[Drawing, ...]) -> None:
    figure = {**drawings[0].light, "data": [{"type": "pie"}]}
    with pytest.raises(ValueError, match="Cannot draw this as SVG: a trace of type 'pie'"):
        svg_of(figure, "pie")
