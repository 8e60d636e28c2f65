"""The figures of a comparison as SVG: all that Plotly would draw is there, or it is refused."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from mtl_core.charts.curve import Curve, CurvePoint, curve_figure
from mtl_core.charts.theme import DARK, LIGHT, Figure
from mtl_core.export.svg import svg_of, tick_label
from mtl_core.export.svg_elements import element, line_attributes, marker, text_element
from mtl_core.report.load import Report
from mtl_core.report.note import note_of
from mtl_core.report.panel import Drawing

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
Read = Callable[..., Report]


def parsed(figure: Figure) -> ElementTree.Element:
    return ElementTree.fromstring(svg_of(figure, "drawn"))  # noqa: S314 - our own drawing


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


@pytest.fixture
def drawings(plans: Report) -> Mapping[str, Drawing]:
    return {drawing.name: drawing for drawing in note_of(plans, NOW).drawings}


def test_every_figure_of_the_page_is_drawn_in_both_themes(
    drawings: Mapping[str, Drawing],
) -> None:
    assert len(drawings) == 6 + 2 + 2 + 1 + 3 + 3  # fronts, losses, maps, drift, inside, stacks
    for drawing in drawings.values():
        for figure in (drawing.light, drawing.dark):
            words = {re.sub("<[^>]*>", "", part) for part in _notes(figure)}
            assert words <= set(texts(parsed(figure))), drawing.name


def _notes(figure: Figure) -> list[str]:
    """Each line of each annotation that has a text."""
    notes = figure["layout"]["annotations"]
    return [line for note in notes for line in note.get("text", "").split("<br>") if line]


def test_a_front_has_a_filled_or_hollow_marker_for_each_plan_and_a_line_for_each_bar(
    drawings: Mapping[str, Drawing],
) -> None:
    root = parsed(drawings["front-2-ner-trained-share"].light)
    jade = LIGHT.task(1).color
    diamonds = [(each.get("fill"), each.get("stroke")) for each in root.iter(f"{SVG}polygon")]
    assert diamonds == [
        *((jade, jade), (LIGHT.background, None), ("none", jade), (jade, jade)),
    ]
    assert len(root.findall(f".//{SVG}polyline")) == 3 + 1 + 1  # bars, front, untrained heads


def test_named_ticks_are_at_their_values_with_their_texts(
    drawings: Mapping[str, Drawing],
) -> None:
    figure = drawings["front-1-sentiment-trained-share"].light
    axis = figure["layout"]["xaxis"]
    found = texts(parsed(figure))
    assert axis["ticktext"]
    assert [text for text in found if text in axis["ticktext"]] == axis["ticktext"]
    assert "0.80" in found  # the y axis says two decimals


def test_a_tick_beyond_the_axis_is_not_drawn() -> None:
    figure = _bare()
    figure["layout"]["xaxis"] |= {"tickvals": [-1, 1, 3], "ticktext": ["far", "&lt;1 s", "out"]}
    found = texts(parsed(figure))
    assert "<1 s" in found
    assert not {"far", "out"} & set(found)


def test_a_map_has_a_rectangle_for_each_cell_and_no_invisible_markers(
    drawings: Mapping[str, Drawing],
) -> None:
    figure = drawings["movement-map-distance"].light
    root = parsed(figure)
    assert len(root.findall(f".//{SVG}rect")) == len(figure["layout"]["shapes"]) + 1  # the clip
    assert not root.findall(f".//{SVG}polygon")
    assert texts(root).count("0") == 7 + 1


def test_a_band_is_a_filled_area_without_an_edge() -> None:
    points = (CurvePoint(10, 0.5, 0.4, 0.6), CurvePoint(100, 0.7, 0.6, 0.8))
    figure = curve_figure([Curve("full", points, True)], LIGHT.task(0), LIGHT)
    (area,) = parsed(figure).findall(f".//{SVG}polygon")
    fill = next(trace["fillcolor"] for trace in figure["data"] if "fillcolor" in trace)
    assert (area.get("fill"), area.get("opacity"), area.get("stroke")) == (fill, "0.7", None)
    assert len((area.get("points") or "").split()) == 4


@pytest.mark.parametrize(
    ("symbol", "corners"),
    [("diamond", 4), ("square", 4), ("triangle-up", 3), ("cross", 12), ("star", 10)],
)
def test_every_tasks_marker_is_drawn_filled_and_open(symbol: str, corners: int) -> None:
    look = {"size": 10, "color": "#111111", "line": {"width": 2, "color": "#222222"}}
    filled, hollow = (marker(0, 0, {**look, "symbol": each}) for each in (symbol, f"{symbol}-open"))
    assert 'fill="#111111"' in filled
    assert 'fill="none"' in hollow
    assert filled.count(",") == hollow.count(",") == corners
    assert 'stroke="#222222"' in filled


def test_rotated_text_starts_where_plotly_starts_it() -> None:
    note = {"text": "heads only", "textangle": -90, "xanchor": "left", "yanchor": "bottom"}
    root = ElementTree.fromstring(text_element(note, 100, 50, {"size": 12, "color": "#000000"}))  # noqa: S314
    assert root.get("text-anchor") == "start"
    assert root.get("transform") == "rotate(-90 107.5 50.0)"  # half a line from the left edge


def _bare() -> dict[str, Any]:
    axis = {"range": [0, 2], "tickfont": {"size": 12, "color": "#000000"}, "title": {}}
    look = {"linecolor": "#000000", "gridcolor": "#000000"}
    return {
        "data": [
            {
                "type": "scatter",
                "name": "a",
                "mode": "lines+markers",
                "x": [1],
                "y": [1],
                "line": {"color": "#000000", "width": 1},
                "marker": {"symbol": "circle", "size": 4, "color": "#000000"},
            }
        ],
        "layout": {
            "height": 100,
            "font": {"size": 12, "color": "#000000"},
            "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
            "xaxis": {**axis, **look},
            "yaxis": {**axis, **look},
        },
    }


def test_a_figure_of_known_parts_is_drawn() -> None:
    assert len(parsed(_bare()).findall(f".//{SVG}circle")) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "pie"}, "a trace of type 'pie'"),
        ({"fill": "tozeroy"}, "fill 'tozeroy' of scatter 'a'"),
        ({"mode": "lines+text"}, "mode 'lines+text' of scatter 'a'"),
        ({"error_x": {}}, "'error_x' of scatter 'a'"),
        ({"error_y": {"symmetric": True, "value": 1}}, "'value' of error bars of scatter 'a'"),
        ({"line": {"shape": "hv"}}, "'shape' of line of scatter 'a'"),
        ({"line": {"color": "#000000", "width": 1, "dash": "dashdot"}}, "the dash 'dashdot'"),
        ({"marker": {"symbol": "hexagon", "size": 4, "color": "red"}}, "a marker 'hexagon'"),
        ({"marker": {"colorscale": "Blues"}}, "'colorscale' of marker of scatter 'a'"),
    ],
)
def test_a_trace_that_cannot_be_drawn_is_refused(change: dict[str, Any], says: str) -> None:
    figure = _bare()
    figure["data"][0] |= change
    with pytest.raises(ValueError, match=rf"Cannot draw this as SVG: .*{re.escape(says)}"):
        svg_of(figure, "refused")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"xaxis": {"type": "log"}}, "'type' of xaxis"),
        ({"yaxis2": {}}, "'yaxis2' of layout"),
        ({"shapes": [{"type": "line"}]}, "a shape of type 'line'"),
        ({"annotations": [{"text": "a", "bordercolor": "red"}]}, "'bordercolor' of annotation"),
        ({"annotations": [{"textangle": 9, "bgcolor": "red"}]}, "rotated text with a background"),
        ({"images": []}, "'images' of layout"),
    ],
)
def test_a_layout_that_cannot_be_drawn_is_refused(change: dict[str, Any], says: str) -> None:
    figure = _bare()
    figure["layout"] |= change
    with pytest.raises(ValueError, match=rf"Cannot draw this as SVG: .*{re.escape(says)}"):
        svg_of(figure, "refused")


def test_tick_formats_are_applied_or_refused() -> None:
    assert [tick_label(0.5, ".2f"), tick_label(0.5, "~g"), tick_label(2000, ",d")] == [
        *("0.50", "0.5", "2,000"),
    ]
    with pytest.raises(ValueError, match=r"ticks as '\.1%'"):
        tick_label(0.5, ".1%")


def test_a_line_of_no_width_and_a_dash_of_pixels_are_known() -> None:
    assert line_attributes("#000000", 1, "7px,3px")["stroke_dasharray"] == "7 3"
    assert element("line", **line_attributes("#000000", 1, "dot")).count("stroke-dasharray") == 1
    assert DARK.task(1).dash == "7px,3px"


def test_an_error_bar_goes_from_the_lowest_to_the_highest_value() -> None:
    figure = _bare()
    errors = {"array": [0.5], "arrayminus": [1.0], "color": "#333333", "thickness": 1}
    figure["data"][0] |= {"error_y": errors}
    bars = [each for each in parsed(figure).iter(f"{SVG}line") if each.get("stroke") == "#333333"]
    assert [(each.get("y1"), each.get("y2")) for each in bars] == [("30", "90")]


def test_text_with_a_background_is_on_a_rectangle_drawn_before_it() -> None:
    note = {"text": "full", "bgcolor": "#FFFFFF", "borderpad": 1, "xanchor": "right"}
    ground, text = text_element(note, 100, 50, {"size": 10, "color": "#000000"}).split("<text")
    rectangle = ElementTree.fromstring(ground)  # noqa: S314 - our own drawing
    assert float(rectangle.get("x", 0)) + float(rectangle.get("width", 0)) == pytest.approx(101)
    assert text.endswith(">full</text>")
