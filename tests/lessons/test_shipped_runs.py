import lzma
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.claim_verdicts import ClaimVerdict
from mtl_core.analysis.reading import summarise
from mtl_core.errors import BadInput, InternalError
from mtl_core.lessons.claim_runs import (
    claim_comparisons,
    claim_finding,
    experiment_of,
    local_runs,
    missing_arms,
    runs_of_arms,
)
from mtl_core.lessons.claims import claim_by_id
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.lessons.shipped_runs import FOLDER, ShippedRuns, add_shipped_runs, import_shipped
from mtl_core.store.runs import RunStore
from mtl_core.store.shipping import ShippedComparison
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.training.events import RunFinished
from tests.claim_runs import comparison_of

SCORES = [(0.8, 0.5), (0.81, 0.51), (0.82, 0.52), (0.81, 0.5), (0.8, 0.51)]
FULL = Arm(experiment="standard", scenario="full")
MADE = comparison_of("standard", {"heads-only": SCORES, "full": SCORES})


def ship(store: RunStore, folder: Path) -> list[Path]:
    """Add all runs of a store to the folder."""
    return add_shipped_runs(store, runs_of_arms(store.comparisons(shipped=None)), folder)


def with_id(name: str, comparison: ShippedComparison) -> ShippedComparison:
    """The comparison with another id, and with other ids of its runs."""
    runs = tuple(run.model_copy(update={"id": f"{run.id}-again"}) for run in comparison.runs)
    return comparison.model_copy(update={"id": name, "runs": runs})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path / "one" / "runs.db")
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path / "other" / "runs.db")
    yield opened
    opened.close()


def test_runs_written_from_one_store_come_into_another_as_shipped(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    store.import_comparison(MADE)
    (file,) = ship(store, tmp_path / "shipped")
    assert file.name == "compare-standard.json.xz"

    assert len(import_shipped(other, tmp_path / "shipped")) == 40
    arms = claim_by_id("faster").arms
    (shipped,) = claim_comparisons(other)
    assert shipped.shipped
    assert missing_arms(runs_of_arms([shipped]), arms) == ()
    assert missing_arms(local_runs(other), arms) == arms
    again = other.comparison_to_ship(MADE.id)
    assert [run.events() for run in again.runs] == [run.events() for run in MADE.runs]
    assert again.created_at == MADE.created_at


def test_runs_read_without_a_store_are_those_that_a_store_imports(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    store.import_comparison(MADE)
    ship(store, tmp_path / "shipped")
    import_shipped(other, tmp_path / "shipped")
    read = ShippedRuns(tmp_path / "shipped")
    imported = runs_of_arms(claim_comparisons(other))
    assert read.by_arm == imported

    claim = claim_by_id("faster")
    finding = claim_finding(claim, read.by_arm, read.summary_of, owner_dataset)
    assert (finding.seeds, finding.verdict) == (20, ClaimVerdict.HOLDS)
    of_store = claim_finding(
        claim,
        imported,
        lambda run: summarise(run.id, run.spec, (each for _, each in other.events(run.id))),
        owner_dataset,
    )
    assert of_store == finding


def test_the_included_runs_have_dates_and_versions_and_are_small_and_all_open(
    store: RunStore,
) -> None:
    files = list(FOLDER.glob("*.json.*"))
    assert sum(file.stat().st_size for file in files) < 6_000_000
    assert len(import_shipped(store)) >= 400  # 120 of the six plans, and those of other claims
    included = store.comparisons(limit=100, shipped=True)
    assert experiment_of(included[0]) == next(iter(EXPERIMENTS))  # the Compare page opens with it
    for comparison in included:
        for run in comparison.runs:
            assert run.started_at is not None
            assert {"freeze-lab", "python", "torch", "transformers"} <= set(run.spec.versions)
            *_, (_, last) = store.events(run.id)  # parses each event
            assert isinstance(last, RunFinished)


def test_what_is_there_already_is_not_read_again(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    store.import_comparison(MADE)
    (file,) = ship(store, tmp_path / "shipped")
    import_shipped(other, tmp_path / "shipped")
    file.write_bytes(b"damaged")
    assert import_shipped(other, tmp_path / "shipped") == []


def test_what_was_made_first_is_listed_first_afterwards(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    later = comparison_of("recipes", {"lp-ft": SCORES}).model_copy(
        update={"created_at": MADE.created_at + timedelta(seconds=1)}
    )
    for comparison in (MADE, later):
        store.import_comparison(comparison)
    ship(store, tmp_path / "shipped")
    import_shipped(other, tmp_path / "shipped")
    assert [each.id for each in other.comparisons(shipped=True)] == [MADE.id, later.id]


def test_a_damaged_file_is_named(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "some.json.xz").write_bytes(b"damaged")
    with pytest.raises(InternalError, match=r"shipped runs in some\.json\.xz cannot be read"):
        import_shipped(store, tmp_path)


def test_unfinished_runs_do_not_ship_and_leave_what_is_there(
    store: RunStore, tmp_path: Path
) -> None:
    from mtl_core.lessons.claim_runs import planned_runs
    from tests.run_story import minilm

    store.import_comparison(MADE)
    ship(store, tmp_path)
    planned = planned_runs("standard", MADE.spec, lambda *_: minilm(), 1, {})
    waiting = store.add_comparison(MADE.spec, planned, MADE.name)
    with pytest.raises(BadInput, match="only finished runs"):
        add_shipped_runs(store, runs_of_arms([waiting]), tmp_path)
    assert [each.name for each in tmp_path.glob("*.xz")] == ["compare-standard.json.xz"]


def test_added_runs_leave_those_of_other_arms_and_replace_those_of_the_same(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    recipes = comparison_of("recipes", {"lp-ft": SCORES})
    for comparison in (MADE, recipes):
        store.import_comparison(comparison)
    ship(store, tmp_path)
    other.import_comparison(with_id("again", MADE))
    files = ship(other, tmp_path)
    assert [each.name for each in files] == ["again.json.xz", f"{recipes.id}.json.xz"]


def test_a_comparison_stays_while_one_of_its_arms_is_not_replaced(
    store: RunStore, other: RunStore, tmp_path: Path
) -> None:
    store.import_comparison(MADE)
    ship(store, tmp_path)
    part = comparison_of("standard", {"full": SCORES, "top-1": SCORES})
    other.import_comparison(with_id("part", part))
    files = ship(other, tmp_path)
    assert [each.name for each in files] == [f"{MADE.id}.json.xz", "part.json.xz"]
    assert {run.id for run in ShippedRuns(tmp_path).by_arm[FULL].values()} <= {
        run.id for run in MADE.runs
    }


def test_comparisons_that_test_no_claim_any_more_are_removed(
    store: RunStore, tmp_path: Path
) -> None:
    store.import_comparison(MADE.model_copy(update={"name": "Claims: of an earlier version"}))
    with lzma.open(tmp_path / "earlier.json.xz", "wb") as file:
        file.write(store.comparison_to_ship(MADE.id).model_dump_json().encode())
    assert ShippedRuns(tmp_path).by_arm == {}
    assert add_shipped_runs(store, {}, tmp_path) == []
