from mtl_core.charts.data import balance_figure, lengths_figure
from mtl_core.charts.theme import LIGHT

COUNTS = {"train": {"up": 30, "<b>": 10}, "validation": {"up": 5, "<b>": 2}}


def test_each_label_has_a_bar_for_each_split_in_the_tasks_colour() -> None:
    figure = balance_figure(COUNTS, 1, LIGHT)
    train, validation = figure["data"]
    assert (train["x"], validation["x"]) == ([30, 10], [5, 2])
    assert train["text"] == ["30 train", "10 train"]
    assert {train["marker"]["color"], validation["marker"]["color"]} == {LIGHT.task(1).color}
    assert train["marker"]["opacity"] > validation["marker"]["opacity"]


def test_labels_are_text_never_markup() -> None:
    figure = balance_figure(COUNTS, 0, LIGHT)
    assert figure["layout"]["yaxis"]["ticktext"] == ["up", "&lt;b&gt;"]
    assert figure["data"][0]["hovertext"][1] == "&lt;b&gt;: 10, train"


def test_every_sentence_is_counted_in_one_bar_of_the_lengths() -> None:
    lengths = [3, 3, 7, 55, 120]
    figure = lengths_figure(lengths, "sub-words", 64, 0, LIGHT)
    assert sum(figure["data"][0]["y"]) == len(lengths)
    assert figure["layout"]["shapes"][0]["x0"] == 64
    assert figure["layout"]["annotations"][0]["text"] == "limit 64"


def test_without_a_maximum_length_no_line_is_drawn() -> None:
    layout = lengths_figure([3, 4], "words", None, 0, LIGHT)["layout"]
    assert "shapes" not in layout
    assert layout["xaxis"]["title"]["text"] == "words per sentence"
