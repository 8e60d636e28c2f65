"""The text alternative of a figure: its finding and the values of its tooltips."""

from pathlib import Path

from mtl_core.analysis.reading import summarise
from mtl_core.charts.confusion import confusion_figure
from mtl_core.charts.data import lengths_figure
from mtl_core.charts.loss import loss_figure, loss_sketch
from mtl_core.charts.parameters import shares_figure
from mtl_core.charts.rates import schedule_figure
from mtl_core.charts.stack import stack_figure
from mtl_core.charts.text_alternative import text_alternative
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from tests.export.finished_run import finished
from tests.run_story import minilm

ROOT = Path(__file__).parents[2]


def test_the_layers_are_read_with_state_tensors_parameters_and_rate() -> None:
    table = parameter_tables(scenario_plan("heads-only", minilm()), minilm())[0]
    text = text_alternative("Heads only.", stack_figure(table, minilm(), LIGHT).to_dict())
    first, *_, last = text.split("; ")
    assert first == (
        "Heads only. classifier: trainable: 2 tensors, 770 parameters, learning rate 7.1e-3"
    )
    assert last == "embeddings: frozen: 5 tensors, 11,918,592 parameters."
    assert text_alternative("Shares", shares_figure(table, LIGHT).to_dict()).startswith(
        "Shares. heads: trainable: 2,310 parameters, 0.01 %; "
    )


def test_a_line_is_read_at_its_first_and_its_last_point() -> None:
    story = finished("heads-only", 0.7, 0.3)
    summary = summarise("a-run", story.spec, story.events, minilm())
    text = text_alternative("The loss fell", loss_figure(summary, "ner", LIGHT))
    assert "each step: 0.500 at step 1; each step: 0.000 at step 4; " in text
    assert text.endswith("validation: 1.400 at step 0; validation: 0.200 at step 4.")


def test_a_part_that_is_frozen_again_is_read_until_it_is_frozen() -> None:
    tables = parameter_tables(scenario_plan("chain-thaw", minilm()), minilm())
    text = text_alternative("Rates", schedule_figure(tables, 3, LIGHT).to_dict())
    assert "emb.: epoch " in text
    assert "None" not in text


def test_labels_are_read_as_they_were_written() -> None:
    figure = confusion_figure(("a<b", "c&d"), ((3, 1), (0, 4)), LIGHT.task(0), LIGHT)
    assert "1 of 4 a<b predicted as c&d" in text_alternative("Errors", figure)


def test_a_figure_of_many_values_is_cut_and_a_sketch_has_its_title_only() -> None:
    lengths = lengths_figure(range(40), "words", None, 0, LIGHT)
    assert text_alternative("40 lengths", lengths).endswith("; and 10 more.")
    sketch = loss_sketch("The loss is drawn here", LIGHT)
    assert text_alternative("The loss is drawn here", sketch) == "The loss is drawn here"


def test_every_figure_of_a_page_gets_a_text_alternative() -> None:
    sources = [*(ROOT / "mtl_core").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    drawing = [each.name for each in sources if "st.plotly_chart(" in each.read_text("utf-8")]
    assert drawing == ["chart.py"]
