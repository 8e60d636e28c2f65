from mtl_core.charts.sketch import loss_sketch
from mtl_core.charts.theme import LIGHT


def test_a_sketch_shows_no_number_and_says_what_will_stand_there() -> None:
    sketch = loss_sketch("the loss will be drawn here", LIGHT)
    layout = sketch["layout"]
    assert not layout["xaxis"]["showticklabels"]
    assert not layout["yaxis"]["showticklabels"]
    assert [trace["hoverinfo"] for trace in sketch["data"]] == ["skip"]
    assert [note["text"] for note in layout["annotations"]] == ["the loss will be drawn here"]
