import re
from xml.etree import ElementTree

from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale
from mtl_core.charts.strip import WIDTH, strip_svg
from mtl_core.charts.theme import DARK, LIGHT


def finding(effect: float, low: float, high: float, **changes: object) -> Finding:
    return Finding(ClaimVerdict.HOLDS, effect=effect, low=low, high=high, seeds=3, **changes)


def dot(svg: str | None) -> float:
    found = re.search(r'<circle cx="([\d.]+)"', svg or "")
    assert found
    return float(found[1])


def test_no_effect_is_in_the_middle_and_more_lies_to_the_right() -> None:
    assert dot(strip_svg(finding(0.0, -0.1, 0.1), None, LIGHT)) == WIDTH / 2
    assert dot(strip_svg(finding(0.05, -0.1, 0.1), None, LIGHT)) > WIDTH / 2
    assert dot(strip_svg(finding(-0.05, -0.1, 0.1), None, LIGHT)) < WIDTH / 2


def test_a_ratio_of_one_is_in_the_middle_and_half_as_far_as_double() -> None:
    half, double = (
        dot(strip_svg(finding(value, 0.25, 4.0, scale=Scale.RATIO, bar=1.0), None, LIGHT))
        for value in (0.5, 2.0)
    )
    assert round(WIDTH / 2 - half, 1) == round(double - WIDTH / 2, 1) > 0


def test_everything_drawn_lies_inside_and_the_document_is_well_formed() -> None:
    svg = strip_svg(finding(-0.4, -0.9, 0.3, bar=-0.07), 0.5, DARK)
    assert svg is not None
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    marks = [each.tag.rpartition("}")[2] for each in root]
    assert marks == ["line", "line", "line", "circle", "polygon"]
    xs = [float(each) for each in re.findall(r'(?:cx|x1|x2)="([\d.]+)"', svg)]
    assert min(xs) > 0
    assert max(xs) < WIDTH


def test_what_has_no_effect_or_only_a_count_has_no_strip() -> None:
    assert strip_svg(Finding(ClaimVerdict.OPEN), None, LIGHT) is None
    counted = Finding(ClaimVerdict.DOES_NOT_HOLD, Scale.SHARE, effect=0.3, bar=1.0)
    assert strip_svg(counted, None, LIGHT) is None
