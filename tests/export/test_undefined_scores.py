"""Entity F1 on sentences without entities: undefined wherever a score is shown, never 0.0."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest

from mtl_core.analysis.plans import Verdict
from mtl_core.cli.compare.results_json import _verdicts
from mtl_core.export.html import as_html
from mtl_core.export.markdown import as_markdown
from mtl_core.export.tables import tables_of
from mtl_core.report.load import Report
from mtl_core.report.note import note_of
from mtl_core.report.table import result_words, sorting_task, terminal_table
from mtl_core.training.events import RunEvent, TokenScore, event_from_json, event_to_json
from tests.export.finished_run import finished

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def report(keep: Callable[[Iterable[RunEvent]], str], read: Callable[..., Report]) -> Report:
    """Two plans with two seeds whose validation sentences contain no entities."""
    accuracies = {"heads-only": (0.70, 0.72), "full": (0.85, 0.88)}
    return read(
        *(
            keep(finished(scenario, value, None, seed=seed))
            for scenario, values in accuracies.items()
            for seed, value in enumerate(values)
        )
    )


def test_an_undefined_score_is_null_in_an_event_and_read_back() -> None:
    score = TokenScore(loss=0.2, entity_f1=None, precision=None, recall=None)
    (end,) = (each for each in finished("full", 0.5, None) if each.event == "run_finished")
    written = json.loads(event_to_json(end))
    assert written["metrics"]["ner"] == score.model_dump()
    assert event_from_json(event_to_json(end)) == end
    assert end.mean_validation_score == 0.5


def test_each_plan_is_undefined_on_the_task_and_judged_on_the_other(report: Report) -> None:
    plans = report.compared.plans
    assert {plan.tasks["ner"].verdict for plan in plans.plans} == {Verdict.UNDEFINED}
    assert {plan.tasks["ner"].mean for plan in plans.plans} == {None}
    assert Verdict.BEST in {plan.tasks["sentiment"].verdict for plan in plans.plans}
    assert sorting_task(plans).name == "sentiment"
    assert report.headline.endswith("NER: undefined: no entities")
    assert result_words(plans, "ner") == "undefined: no entities for heads only, full"
    assert [row["verdict"] for row in _verdicts(plans)["ner"]] == ["undefined"] * 2
    assert [row["difference"] for row in _verdicts(plans)["ner"]] == [None] * 2


def test_the_tables_name_it_and_have_no_zero(report: Report) -> None:
    rows = terminal_table(report.compared.plans).rows
    assert [row[3] for row in rows] == ["undefined: no entities"] * 2
    text = as_markdown(note_of(report, NOW), {})
    assert "NER: entity F1 is undefined, because the validation sentences contain no" in text
    assert len(re.findall(r"\| undefined: no entities \| undefined: no entities \|", text)) == 2
    assert text.count("undefined (no entities in this split)") == 4  # the list of the runs
    assert "**B · NER by time: undefined: no entities**" in text.replace("\\", "")
    assert not re.search(r"\bnan\b|\bNone\b", text)
    assert as_html(note_of(report, NOW)).count(">undefined: no entities</td>") == 4


def test_the_csv_files_have_empty_cells(report: Report) -> None:
    files = dict(tables_of(report))
    plans = [line.split(",") for line in files["plans.csv"].splitlines()]
    ner = [dict(zip(plans[0], row, strict=True)) for row in plans[1:] if "ner" in row]
    assert [(row["mean"], row["verdict"], row["finished_seeds"]) for row in ner] == [
        ("", "undefined", "2")
    ] * 2
