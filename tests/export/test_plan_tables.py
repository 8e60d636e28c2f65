"""CSV of plans over their seeds: the table by plan, every point of the fronts, and what moved."""

import csv
import io
from collections.abc import Callable, Mapping

import pytest

from mtl_core.charts.pareto import COST_AXES, Cost
from mtl_core.export.tables import tables_of
from mtl_core.file_access import ANY_FILE
from mtl_core.report.front import front_panels
from mtl_core.report.load import Report, load_report
from mtl_core.report.panel import Drawing, draw_panel
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.spec import RunSpec
from tests.run_story import minilm


def rows_of(report: Report, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(dict(tables_of(report))[name])))


def sample(spec: RunSpec, examples: Mapping[str, int]) -> Dataset:
    return load_dataset(spec.data, ANY_FILE, examples)


def test_a_plan_and_a_task_are_a_row_with_all_their_digits(plans: Report) -> None:
    rows = rows_of(plans, "plans.csv")
    assert [(row["plan"], row["task"], row["metric"], row["verdict"]) for row in rows] == [
        ("heads only", "sentiment", "accuracy", "below"),
        ("heads only", "ner", "entity F1", "below"),
        ("NER head frozen", "sentiment", "accuracy", "undecided"),
        ("NER head frozen", "ner", "entity F1", "below"),
        ("full", "sentiment", "accuracy", "best"),
        ("full", "ner", "entity F1", "best"),
    ]
    first, best = rows[1], rows[5]
    assert float(first["mean"]) == pytest.approx(0.31)
    assert float(first["standard_deviation"]) == pytest.approx(0.01)
    assert (first["lowest"], first["highest"], first["before_training"]) == ("0.3", "0.32", "0.02")
    assert (first["finished_seeds"], first["pairs_of_seeds"], first["sentences"]) == ("3", "3", "0")
    assert (first["seconds"], first["memory_bytes"]) == ("10.0", "745000000.0")
    assert (first["trainable"], first["parameters"]) == ("2310", "22715526")
    assert float(first["trained_share"]) == 2310 / 22_715_526
    assert first["frozen_identical"] == "true"
    assert first["trained_together"] == first["trained_beside"] == ""
    assert best["difference_to_best"] == best["difference_low"] == ""


def test_the_difference_to_the_best_has_its_interval(plans: Report) -> None:
    against = plans.compared.plans.plans[0].tasks["ner"].against_best
    row = rows_of(plans, "plans.csv")[1]
    assert against is not None
    assert float(row["difference_to_best"]) == pytest.approx(-0.22)
    assert (row["difference_low"], row["difference_high"]) == (
        repr(against.low),
        repr(against.high),
    )
    assert against.low < against.effect < against.high < 0


def front_drawings(report: Report) -> list[Drawing]:
    return [draw_panel(panel) for panel in front_panels(report.compared, report.baselines)]


@pytest.mark.parametrize(
    ("cost", "column"),
    [
        (Cost.SECONDS, "seconds"),
        (Cost.MEMORY, "peak_memory_bytes"),
        (Cost.SHARE, "trained_share"),
    ],
)
def test_every_point_that_a_front_draws_is_a_row(plans: Report, cost: Cost, column: str) -> None:
    rows = [
        row
        for row in rows_of(plans, "fronts.csv")
        if (row["task"], row["paid_with"], row["kind"]) == ("ner", column, "plan")
    ]
    place = list(Cost).index(cost) * 2 + 1
    traces = front_drawings(plans)[place].light["data"]
    shown = {
        trace["name"]: (
            trace["x"][0],
            trace["y"][0],
            not trace["marker"]["symbol"].endswith("open"),
        )
        for trace in traces
        if trace["mode"] == "markers" and not trace["name"].endswith(", ground")
    }
    rows_of_plans = {
        row["name"]: (
            COST_AXES[cost].position(float(row["cost"])),
            float(row["mean"]),
            row["on_front"] == "true",
        )
        for row in rows
    }
    assert rows_of_plans == shown
    assert set(rows_of_plans) == {"heads only", "NER head frozen", "full"}


def test_baselines_are_rows_without_a_cost(store: RunStore, plans: Report) -> None:
    report = load_report(store, [run.id for run in plans.runs], lambda _: minilm(), sample)
    rows = [row for row in rows_of(report, "fronts.csv") if row["kind"] == "baseline"]
    assert [row["name"] for row in rows if row["task"] == "sentiment"] == [
        *("majority class", "bag of words", "untrained heads"),
    ] * 3
    assert {row["cost"] for row in rows} == {""}
    values = {(row["task"], row["name"]): float(row["mean"]) for row in rows}
    assert values["sentiment", "majority class"] == 0.5
    assert values["ner", "majority class"] == 0.0
    assert values["sentiment", "untrained heads"] == pytest.approx(0.45)
    lines = [t["name"] for t in front_drawings(report)[1].light["data"] if t["mode"] == "lines"]
    assert "bag of words" in lines


def test_baselines_learn_from_as_many_sentences_as_the_plans(
    store: RunStore, plans: Report, keep: Callable[..., str]
) -> None:
    asked: list[Mapping[str, int]] = []

    def remembered(spec: RunSpec, examples: Mapping[str, int]) -> None:
        asked.append(dict(examples))

    report = load_report(store, [run.id for run in plans.runs], lambda _: minilm(), remembered)
    assert len(report.baselines["ner"]) == 1
    assert asked == [{}, {}]  # the right answers of all sentences, then those to learn from


def test_frozen_groups_moved_exactly_0_in_every_run(plans: Report) -> None:
    rows = rows_of(plans, "movement.csv")
    assert len(rows) == 9 * 9
    frozen = [row for row in rows if row["plan"] == "heads only" and "layer" in row["group"]]
    assert [row["moved"] for row in frozen] == ["0.0"] * 3 * 6
    heads = {row["moved"] for row in rows if row["group"] == "ner"}
    assert heads == {"0.0", "0.25"}


def test_one_run_has_no_table_of_plans(read: Callable[..., Report], plans: Report) -> None:
    names = dict(tables_of(read(plans.runs[0].id)))
    assert "plans.csv" not in names
    assert "movement.csv" in names


def test_the_parameters_of_a_plan_are_written_once_for_all_its_seeds(plans: Report) -> None:
    names = [name for name, _ in tables_of(plans) if name.startswith("parameters-")]
    assert names == [f"parameters-{run.id}.csv" for run in plans.runs[:3]]
