"""The note on several plans with several seeds: what a reviewer reads of a comparison."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
from markupsafe import escape

from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.charts.theme import Figure
from mtl_core.export.html import as_html
from mtl_core.export.markdown import as_markdown
from mtl_core.report.blocks import Note, Table, Text
from mtl_core.report.finding import headline
from mtl_core.report.load import Report, load_report
from mtl_core.report.movement import COSINE_CAPTION
from mtl_core.report.note import note_of
from mtl_core.report.table import TRIALS_COMMAND, error_rate_words, table_rule
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from tests.export.finished_run import finished
from tests.run_story import Story, minilm, spec_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COSTS = ("seconds", "peak-memory", "trained-share")


@pytest.fixture
def note(plans: Report) -> Note:
    return note_of(plans, NOW)


def table(note: Note, section: str, number: int = 0) -> list[dict[str, str]]:
    found = next(each for each in note.sections if each.title == section)
    tables = [block for block in found.blocks if isinstance(block, Table)]
    columns = tables[number].columns
    return [dict(zip(columns, row, strict=True)) for row in tables[number].rows]


def cells(figure: Figure) -> dict[tuple[int, int], str]:
    """What stands in the cells of a map, by column and row from below."""
    return {
        (each["x"], each["y"]): each["text"]
        for each in figure["layout"]["annotations"]
        if "xref" not in each and isinstance(each["y"], int)
    }


def test_the_finding_is_the_title_and_the_sections_follow_the_page(
    note: Note, plans: Report
) -> None:
    assert note.title == plans.headline == headline(plans.compared, plans.baselines)
    assert note.title == (
        "Sentiment: undecided between full and NER head frozen. NER: full beats all others"
    )
    assert note.facts[0] == "3 plans, 9 runs"
    assert [section.title for section in note.sections] == [
        "Result",
        "Quality and cost",
        "Scores and costs",
        "Losses",
        "Trained parts and how far they moved",
        "Tasks that were not trained",
        "Changes inside the model",
        "Trained layers and the path of the gradient",
        "Differences between the plans",
        "Proof that frozen tensors did not change",
        "The runs",
        "Repeat the runs",
        "Environment",
    ]


def test_the_figures_are_the_fronts_the_bands_the_maps_the_drift_and_a_stack_a_plan(
    note: Note, plans: Report
) -> None:
    first = [plans.runs[place].id for place in range(3)]
    assert [drawing.name for drawing in note.drawings] == [
        *(f"front-{task}-{cost}" for cost in COSTS for task in ("1-sentiment", "2-ner")),
        *("loss-1-sentiment", "loss-2-ner", "freeze-map", "movement-map-distance", "drift-2-ner"),
        *("likeness", "probe-1-sentiment", "probe-2-ner"),
        *(f"stack-{run}" for run in first),
    ]


def test_a_plan_is_a_row_with_its_mean_its_seeds_and_its_verdict(note: Note) -> None:
    rows = table(note, "Result")
    assert [row["Plan"] for row in rows] == ["full", "heads only", "NER head frozen"]
    assert [row["Sentiment accuracy"] for row in rows] == [
        "0.860 (0.850 to 0.870)",
        "0.710 (0.700 to 0.720)",
        "0.850 (0.840 to 0.860)",
    ]
    assert [row["Sentiment against best"] for row in rows] == ["best", "−0.150", "? undecided"]
    assert [row["NER against best"] for row in rows] == ["best", "−0.220", "−0.510"]
    assert rows[0]["NER 95 % interval"] == "–"


def test_the_interval_is_that_of_the_paired_test(note: Note, plans: Report) -> None:
    heads_only = plans.compared.plans.plans[0]
    against = heads_only.tasks["ner"].against_best
    assert isinstance(against, PairedDifference)
    assert against.high < 0
    rows = table(note, "Result")
    shown = rows[1]["NER 95 % interval"]
    assert shown == f"−{-against.low:.3f} to −{-against.high:.3f}"


def test_the_rule_of_the_test_is_below_the_table_as_on_the_page(note: Note, plans: Report) -> None:
    rule = table_rule(plans.compared.plans)
    assert rule.startswith(
        "Means over seeds 0, 1, 2. Intervals: 95 % for all pairs of plans together"
    )
    assert f"{rule} In brackets:" in as_markdown(note, "figures")
    assert rule in as_html(note)


def test_the_error_rate_of_the_test_and_its_command_follow_the_rule(
    note: Note, plans: Report
) -> None:
    wrong = error_rate_words(plans.compared.plans)
    assert escape(f"{wrong} Command, in the folder of Freeze Lab: {TRIALS_COMMAND}") in (
        as_html(note)
    )
    assert wrong in as_markdown(note, "figures")
    assert "python benchmarks/a\\_a\\_trials.py" in as_markdown(note, "figures")


def test_what_a_plan_costs_is_a_second_table(note: Note) -> None:
    rows = table(note, "Scores and costs")
    assert rows[0] == {
        "Plan": "full",
        "Seconds": "10.0",
        "Peak memory": "745 MB",
        "Trainable": "22,567,686",
        "Share": "99.3 %",
        "Rates": "heads 1e-2, encoder 1e-4",
        "Frozen tensors": "none frozen",
        "Finished seeds": "3 of 3",
    }


def test_frozen_parts_moved_exactly_0_beside_the_map_of_what_learns(note: Note) -> None:
    drawings = {drawing.name: drawing for drawing in note.drawings}
    assert drawings["movement-map-distance"].title == "Movement: frozen parts exactly 0"
    allowed, moved = (
        cells(drawings[name].light) for name in ("freeze-map", "movement-map-distance")
    )
    heads_only = {row: moved[0, row] for column, row in moved if column == 0}
    assert sorted(heads_only.values()) == [*["0"] * 7, "25", "50"]
    assert [text for (column, _), text in allowed.items() if column == 0].count("❄︎") == 8


def test_a_task_that_was_left_out_is_shown_with_its_score_before_and_after(note: Note) -> None:
    drift = next(drawing for drawing in note.drawings if drawing.name == "drift-2-ner")
    assert drift.title == "NER untrained: its score did not change"
    assert [each["text"] for each in drift.light["layout"]["annotations"]] == [
        "NER head frozen",
        "<b>0.020</b> exactly as before",
        "0.020 before",
    ]


def test_the_change_of_a_task_left_out_is_in_a_sentence_and_a_table(note: Note) -> None:
    (row,) = table(note, "Tasks that were not trained")
    assert (row["Plan"], row["Task"], row["Before"], row["After"]) == (
        *("NER head frozen", "NER entity F1", "0.020", "0.020"),
    )
    assert "NER head frozen: NER did not change" in as_markdown(note, "figures")


def test_changes_inside_the_model_are_shown_with_their_captions(note: Note) -> None:
    likeness = next(drawing for drawing in note.drawings if drawing.name == "likeness")
    assert "changed the top layer most: similarity 0.50" in likeness.title
    rows = table(note, "Changes inside the model")
    assert [row["Plan"] for row in rows] == ["heads only", "NER head frozen", "full"]
    assert escape(COSINE_CAPTION) in as_html(note)
    assert rows[0]["Cosine"] == "+0.250"


def test_losses_with_too_few_evaluations_have_no_table_of_convergence(note: Note) -> None:
    losses = next(each for each in note.sections if each.title == "Losses")
    texts = [block.text for block in losses.blocks if isinstance(block, Text)]
    assert "Too few evaluations to judge convergence." in texts
    assert not [block for block in losses.blocks if isinstance(block, Table)]


def test_the_loss_of_each_head_is_a_mean_in_the_best_plans_colour(note: Note) -> None:
    loss = next(drawing for drawing in note.drawings if drawing.name == "loss-1-sentiment")
    assert loss.caption.startswith("Cross-entropy, mean over seeds; band: lowest to highest")
    names = [trace["name"] for trace in loss.light["data"]]
    assert len([name for name in names if name.endswith(", validation")]) == 3


def test_the_proof_counts_the_runs_with_unchanged_frozen_tensors(note: Note) -> None:
    rows = table(note, "Proof that frozen tensors did not change")
    assert [(r["Plan"], r["Tensors frozen"], r["Frozen, identical"]) for r in rows] == [
        ("heads only", "103", "in 3 of 3 runs"),
        ("NER head frozen", "2", "in 3 of 3 runs"),
        ("full", "0", "none frozen"),
    ]


def test_the_differences_are_between_plans_and_not_between_seeds(note: Note) -> None:
    rows = table(note, "Differences between the plans")
    assert list(rows[0]) == ["Setting", "heads only", "NER head frozen", "full"]
    assert "seed" not in [row["Setting"] for row in rows]


def test_every_run_is_listed_with_its_own_scores(note: Note, plans: Report) -> None:
    rows = table(note, "The runs")
    assert [row["Run"] for row in rows] == [run.id for run in plans.runs]
    assert [row["NER entity F1"] for row in rows[2::3]] == ["0.500", "0.530", "0.560"]
    assert "Checkpoint" not in rows[0]


def test_the_note_has_one_command_per_plan(note: Note, plans: Report) -> None:
    text = as_markdown(note, "figures")
    assert text.count("python -m mtl_core train") == 3
    assert f"# {plans.runs[0].id}\n" in text
    assert f"# {plans.runs[3].id}\n" not in text
    assert "For each of the other seeds: runs/RUN/repeat.sh in the bundle." in text


def test_markdown_has_the_tables_as_tables_and_the_figures_as_files(note: Note) -> None:
    text = as_markdown(note, "figures")
    assert "| heads only | 0.710 (0.700 to 0.720) | −0.150 |" in text
    assert re.findall(r"\]\(figures/(front-1[^)]*)\)", text) == [
        f"front-1-sentiment-{cost}.svg" for cost in COSTS
    ]
    assert "![NER untrained: its score did not change](figures/drift-2-ner.svg)" in text


def test_the_html_has_each_figure_of_the_markdown(note: Note) -> None:
    html = as_html(note)
    for drawing in note.drawings:
        assert f'data-name="{drawing.name}"' in html


def test_many_unfinished_runs_are_counted_in_one_line(store: RunStore, plans: Report) -> None:
    waiting = [store.add(spec_of("top-1", seed=seed)).id for seed in range(3)]
    running = store.add(spec_of("top-2"), RunState.RUNNING).id
    ids = [*(run.id for run in plans.runs), *waiting, running]
    report = load_report(store, ids, lambda _: minilm())
    assert report.unfinished == ("4 of 13 runs have not finished: 3 waiting and 1 running.",)
    assert note_of(report, NOW).title.startswith("So far: ")


def test_one_plan_with_several_seeds_is_not_compared_with_a_best(
    read: Callable[..., Report], plans: Report
) -> None:
    alone = note_of(read(*(run.id for run in plans.runs[1::3])), NOW)
    assert (
        alone.title == "NER head frozen over 3 seeds: Sentiment 0.85 accuracy, NER 0.02 entity F1"
    )
    assert alone.sections[0].title == "Result"
    assert table(alone, "Result") == [
        {
            "Plan": "NER head frozen",
            "Sentiment accuracy": "0.850 (0.840 to 0.860)",
            "Sentiment before training": "0.450",
            "NER entity F1": "0.020 (0.020 to 0.020)",
            "NER before training": "0.020",
        }
    ]
    assert "drift-2-ner" in [drawing.name for drawing in alone.drawings]
    assert "Differences between the plans" not in [section.title for section in alone.sections]
    assert "against best" not in as_markdown(alone, "figures")


def test_unusual_settings_that_all_runs_share_are_facts(
    read: Callable[..., Report], keep: Callable[[Iterable[RunEvent]], str]
) -> None:
    noise = {"sentiment": 0.3, "ner": 0.3}
    noisy = [keep(finished(name, 0.7, 0.3, label_noise=noise)) for name in ("heads-only", "full")]
    clean = keep(finished("top-1", 0.8, 0.4))
    assert "30 % wrong labels" in note_of(read(*noisy), NOW).facts
    assert "30 % wrong labels" not in note_of(read(*noisy, clean), NOW).facts


def test_a_random_encoder_is_part_of_the_plans_name(
    read: Callable[..., Report], plans: Report, keep: Callable[[Story], str]
) -> None:
    drawn = [finished("full", 0.6, 0.2, seed=seed, random_backbone=True) for seed in (0, 1)]
    report = read(*(run.id for run in plans.runs[2::3]), *map(keep, drawn))
    assert [plan.label for plan in report.compared.plans.plans] == [
        "full",
        "full, random encoder",
    ]
