import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.engine.lab import Lab
from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.claim_results import ClaimResult
from mtl_core.lessons.claim_runs import claim_comparisons, planned_runs, runs_of_arms
from mtl_core.lessons.claims import CLAIMS, claim_by_id
from mtl_core.lessons.decisions import DECISIONS
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.ui.guide.verdicts import guide_state
from tests.claim_runs import comparison_of
from tests.run_story import minilm
from tests.stored_runs import claim
from tests.visiting import heading, visited

FULL = [(0.88, 0.70), (0.87, 0.71), (0.89, 0.69), (0.88, 0.71), (0.88, 0.69)]
HEADS = [(0.78, 0.43), (0.77, 0.42), (0.79, 0.44), (0.78, 0.42), (0.78, 0.44)]
GRADUAL = [(0.93, 0.57), (0.84, 0.58), (0.90, 0.57), (0.83, 0.57), (0.88, 0.58)]


@pytest.fixture
def shipped(lab: Lab) -> Lab:
    """A lab whose store holds part of the standard experiment as shipped."""
    lab.store.import_comparison(
        comparison_of("standard", {"heads-only": HEADS, "gradual": GRADUAL, "full": FULL})
    )
    return lab


class CountedStore(RunStore):
    """A run store that counts how often its comparisons are listed."""

    readings = 0

    def comparisons(self, limit: int = 100, shipped: bool | None = False) -> list[ComparisonRecord]:
        self.readings += 1
        return super().comparisons(limit, shipped)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def guess(app: AppTest, claim: str, said: str) -> AppTest:
    app.button_group(key=f"guess_{claim}").set_value(said).run()
    assert not app.exception
    return app


def show_all(app: AppTest) -> AppTest:
    app.toggle(key="all_verdicts").set_value(True).run()
    assert not app.exception
    return app


COUNT = len(CLAIMS)


def test_the_answer_counts_the_verdicts(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    assert heading(app) == (
        f"{COUNT} claims about freezing: 2 hold, 3 do not hold, 1 undecided, {COUNT - 6} not tested"
    )
    assert "included runs of 24 Nov 2026" in texts(app)


def test_a_verdict_is_hidden_until_the_reader_has_guessed(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    assert "×11" not in texts(app)
    app = guess(app, "faster", "holds")
    assert "**×11**" in texts(app)
    assert "Your guess “holds” is right." in texts(app)
    assert "Your guesses: 1 of 1 right." in texts(app)


def test_a_wrong_guess_is_marked_as_wrong_and_stays(shipped: Lab) -> None:
    app = guess(visited("guide", guide_part="Claims"), "gradual", "holds")
    assert "Your guess “holds” is wrong." in texts(app)
    assert "Your guesses: 0 of 1 right." in texts(app)
    assert not [each for each in app.button_group if each.key == "guess_gradual"]


def test_all_verdicts_can_be_shown_without_guessing(shipped: Lab) -> None:
    app = show_all(visited("guide", guide_part="Claims"))
    assert not [each for each in app.button_group if str(each.key).startswith("guess_")]
    assert "**+0.000**" not in texts(app)
    assert "**−0.267** −0.305" not in texts(app)
    assert "All verdicts are shown." in texts(app)


def test_the_filter_counts_a_verdict_only_once_it_has_been_seen(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    options = app.button_group(key="verdicts").options
    assert options == [f"all {COUNT}", "to guess 6", f"not tested here {COUNT - 6}"]
    app = show_all(app)
    options = app.button_group(key="verdicts").options
    assert options == [
        f"all {COUNT}",
        "holds 2",
        "does not hold 3",
        "undecided 1",
        f"not tested here {COUNT - 6}",
    ]


def test_claims_are_folded_by_chapter_but_for_the_first_and_none_once_filtered(
    shipped: Lab,
) -> None:
    app = visited("guide", guide_part="Claims")
    folds = [(each.label, each.proto.expanded) for each in app.expander]
    assert folds[:3] == [
        ("**What to train and what to freeze** · 2 claims", True),
        ("**Choosing a checkpoint** · 2 claims", True),
        ("**Heads only, the top layers, or everything** · 16 claims", True),
    ]
    assert sum(int(label.split()[-2]) for label, _ in folds) == len(CLAIMS)
    app.button_group(key="verdicts").set_value("to guess").run()
    assert {each.proto.expanded for each in app.expander} == {True}
    app.selectbox(key="chapter").set_value("cost").run()
    assert not app.expander


def test_only_the_first_chapter_is_expanded_until_all_are_expanded(
    shipped: Lab,
) -> None:
    app = visited("guide")
    titles = [f"**{chapter.title}**" for chapter in CHAPTERS]
    folds = {each.label: each.proto.expanded for each in app.expander if each.label in titles}
    assert list(folds) == titles
    assert [title for title, is_open in folds.items() if is_open] == titles[:1]
    app.toggle(key="all_text").set_value(True).run()
    assert {each.proto.expanded for each in app.expander if each.label in titles} == {True}


def test_the_legend_of_verdicts_follows_the_first_guess(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    assert not any("◇ published" in each.value for each in app.caption)
    app.button_group(key="guess_kept-bytes").set_value("holds").run()
    assert any("◇ published" in each.value for each in app.caption)


def test_guesses_are_in_the_address_and_survive_a_reload(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    app.button_group(key="guess_kept-bytes").set_value("holds").run()
    assert app.query_params["guesses"] == "kept-bytes.h"
    again = visited("guide", guide_part="Claims", guesses="kept-bytes.h,no-claim.h,faster.x")
    assert any("Your guess “holds” is" in each.value for each in again.caption)
    assert not any(each.key == "guess_kept-bytes" for each in again.button_group)
    assert any(each.key == "guess_faster" for each in again.button_group)


def test_a_chapter_leads_to_its_claims(shipped: Lab) -> None:
    app = visited("guide")
    app.button(key="claims_of_cost").click().run()
    assert not app.exception
    assert app.selectbox(key="chapter").value == "cost"
    links = [each.proto for each in app.get("page_link") if each.proto.label == "Runs"]
    assert len(links) == 2
    assert all(each.query_string.startswith("comparison=") for each in links)


def test_testing_a_claim_queues_its_runs_and_names_the_price(shipped: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    button = app.button(key="test_faster")
    assert button.label == "Test: about 13 min"
    button.click().run()
    assert not app.exception
    (comparison,) = shipped.store.comparisons()
    assert comparison.name == "Claims: standard"
    assert [(run.spec.scenario, run.spec.seed) for run in comparison.runs] == [
        (scenario, seed) for seed in range(20) for scenario in ("heads-only", "full")
    ]
    assert {run.state for run in comparison.runs} == {RunState.WAITING}
    assert [run.keeps_model for run in comparison.runs] == [False, True] * 20
    assert "0 of 40 runs finished" in [each.proto.text for each in app.get("progress")]
    assert app.button(key="test_gradual").label == "Test: about 2 min"  # full waits already


def test_a_stopped_test_is_resumed_and_its_finished_runs_are_not_repeated(shipped: Lab) -> None:
    visited("guide", guide_part="Claims").button(key="test_faster").click().run()
    (comparison,) = shipped.store.comparisons()
    own = comparison_of("standard", {"heads-only": HEADS, "full": FULL})
    claim(shipped.store, Owner.this_process())
    shipped.store.append(comparison.runs[0].id, own.runs[0].events())
    app = visited("guide", guide_part="Claims")
    assert "1 of 40 runs finished" in [each.proto.text for each in app.get("progress")]
    app.button(key="stop_test_faster").click().run()
    button = app.button(key="test_faster")
    assert button.label.startswith("Resume: ")
    button.click().run()
    (resumed,) = shipped.store.comparisons()
    states = [run.state for run in resumed.runs]
    assert states == [RunState.FINISHED, *[RunState.WAITING] * 39]
    assert resumed.runs[0].id == comparison.runs[0].id


def test_running_tests_are_listed_oldest_first_from_one_reading_of_the_store(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    visited("guide", guide_part="Claims").button(key="test_all-at-once-forgets").click().run()
    lab.store.add_comparison(
        ComparisonSpec(checkpoint="minilm-l6", scenarios=("full",), seeds=(1,)), []
    )
    counted = CountedStore(lab.settings.database)
    monkeypatch.setattr(lab, "store", counted)
    active = guide_state(lab).active
    assert [each.name for each in active] == ["Claims: standard", "Claims: posts after reviews"]
    assert counted.readings == 1
    counted.close()


def test_a_claim_on_staged_runs_queues_what_they_go_on_from(shipped: Lab) -> None:
    visited("guide", guide_part="Claims").button(key="test_all-at-once-forgets").click().run()
    later, first = shipped.store.comparisons()
    assert [first.name, later.name] == ["Claims: standard", "Claims: posts after reviews"]
    starts = [run.spec.starts_from for run in later.runs]
    assert starts == [run.id for run in first.runs][: len(starts)]
    assert len(starts) == 10
    assert {run.spec.plan.task_weights["ner"] for run in later.runs} == {0.0}


def test_a_verdict_made_here_is_shown_next_to_the_included_one(shipped: Lab) -> None:
    own = comparison_of("standard", {"heads-only": HEADS, "full": FULL})
    planned = planned_runs("standard", own.spec, lambda *_: minilm(), 1, {})
    added = shipped.store.add_comparison(own.spec, planned, own.name)
    for run, made in zip(added.runs, own.runs, strict=True):
        claim(shipped.store, Owner.this_process())
        shipped.store.append(run.id, made.events())
    app = show_all(visited("guide", guide_part="Claims"))
    assert "Tested on this machine: **holds**, ×11 (×11 to ×11)." in texts(app)
    assert "test_faster" not in [each.key for each in app.button]


def test_a_claim_whose_weights_are_missing_says_so_and_cannot_be_tested(lab: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    assert "The weights of bert-base-uncased are not on this machine" in texts(app)
    assert app.button(key="test_quarter-bert-base").disabled


def test_without_runs_every_claim_can_be_tested_and_none_pretends_a_verdict(lab: Lab) -> None:
    app = visited("guide", guide_part="Claims")
    assert heading(app) == f"{COUNT} claims about freezing: 1 does not hold, {COUNT - 1} not tested"
    assert "no included runs" in texts(app)
    assert len([each for each in app.button if str(each.key).startswith("test_")]) == (
        len(CLAIMS) - 1
    )


def test_every_scenario_of_a_chapter_is_drawn_phase_by_phase(lab: Lab) -> None:
    app = visited("guide")
    assert not app.exception
    said = [image.proto.imgs[0].alt for image in app.get("image")]
    assert "Trained in each phase: heads; heads and layer 5; heads and layers 4 and 5; " in (
        "".join(said)
    )
    assert len(said) == 13


def test_a_claim_about_seconds_marks_those_that_other_runs_slowed(lab: Lab) -> None:
    plans = {"heads-only": HEADS, "full": FULL}
    lab.store.import_comparison(comparison_of("standard", plans, beside=3))
    (faster, memory) = (
        next(state for state in guide_state(lab).claims if state.claim.id == name)
        for name in ("faster", "memory")
    )
    assert (faster.shared, memory.shared) == (" alongside 3 others", "")
    assert "20 seeds, must exceed ×3, seconds alongside 3 others" in texts(
        show_all(visited("guide", guide_part="Claims"))
    )


def test_the_stored_verdict_of_the_included_runs_is_shown_unless_the_runs_are_others(
    shipped: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, runs = claim_by_id("faster"), runs_of_arms(claim_comparisons(shipped.store))
    stored = ClaimResult.of(claim, Finding(ClaimVerdict.UNDECIDED), runs)
    others = stored.model_copy(update={"runs": stored.runs[1:]})
    shown = []
    for result in (stored, others):
        monkeypatch.setattr(
            "mtl_core.ui.guide.verdicts._stored_results", lambda found=result: {"faster": found}
        )
        states = {each.claim.id: each for each in guide_state(shipped).claims}
        shown.append(states["faster"].finding.verdict)
    assert shown == [ClaimVerdict.UNDECIDED, ClaimVerdict.HOLDS]


def test_the_page_on_decisions_has_its_own_address_and_pictures(lab: Lab) -> None:
    app = visited("guide", guide_part="Decisions")
    assert heading(app) == "How Freeze Lab decides"
    titles = [each.value for each in app.markdown if each.value.startswith("## ")]
    assert titles == [f"## {section.title}" for section in DECISIONS]
    outcomes, designs = [image.proto.imgs[0].alt for image in app.get("image")]
    assert "undecided, −0.025 (−0.074 to +0.024)" in outcomes
    assert designs.startswith("Margin ± 0.03. 3 seeds × 200 sentences: undecided, −0.038 ")
    assert app.dataframe[0].value.shape == (3, 4)

    app.button_group(key="guide_part").set_value("Claims").run()
    assert not app.exception
    assert heading(app).startswith(f"{COUNT} claims about freezing")
