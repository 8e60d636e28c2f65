import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree

import pytest

from mtl_core.lessons.claim_results import RunsMade
from mtl_core.lessons.claims import CLAIMS, claim_by_id
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from tests.commands import Command


def with_more_sentences(data: Path, folder: Path) -> Path:
    """The same data with each training sentence 16 times: more than the 50 of some claims."""
    copied = copytree(data.parent, folder / "more")
    header, *rows = (copied / "reviews.train.csv").read_text("utf-8").splitlines()
    (copied / "reviews.train.csv").write_text("\n".join([header, *rows * 16]) + "\n", "utf-8")
    tagged = (copied / "entities.train.conll").read_text("utf-8").strip()
    (copied / "entities.train.conll").write_text("\n\n".join([tagged] * 16) + "\n", "utf-8")
    return copied / data.name


FILLED_IN = {"freeze-lab", "python", "torch", "transformers"}


def test_claims_prints_the_verdicts_of_the_included_runs_without_a_store(command: Command) -> None:
    answer = command("claims", "--format", "json")
    assert answer.code == 0, answer.err
    assert len(answer.json) == len(CLAIMS)
    for finding in answer.json:
        assert finding["runs"]["source"] == "included"
        tested = finding["verdict"] != "not tested here"
        assert tested is (finding["effect"] is not None or finding["p_value"] is not None)
        if finding["low"] is not None and finding["effect"] is not None:
            assert finding["low"] <= finding["effect"] <= finding["high"]
        if finding["runs"]["first"] is not None:
            assert set(finding["runs"]["versions"]) >= FILLED_IN
    assert not Settings.from_environment().database.exists()


def test_the_table_has_ids_verdicts_and_how_to_get_missing_weights(command: Command) -> None:
    answer = command("claims", "domain-checkpoint", "kept-bytes")
    lines = answer.out.splitlines()
    assert lines[0].split("  ")[0] == "id"
    assert lines[1].startswith("domain-checkpoint ")
    assert "○ not tested here" in lines[1]
    assert lines[2].startswith("kept-bytes ")
    for line, name in zip(lines[-2:], ("biobert", "bert-base-uncased"), strict=True):
        assert line.startswith(f"Not tested here: The weights of '{name}' are not on this machine.")
        assert "hf download" in line


def test_the_missing_weights_are_those_of_the_chosen_checkpoints(
    command: Command, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    pair = ("--checkpoint", tiny_checkpoint, "--domain-checkpoint", "legal-bert")
    answer = command("claims", "--run", "domain-checkpoint", *pair, "--data", tiny_data)
    assert answer.code == 0, answer.err
    missing = [line for line in answer.out.splitlines() if line.startswith("Not tested here: ")]
    assert len(missing) == 1
    assert missing[0].startswith("Not tested here: The weights of 'legal-bert' are not on this ")


def test_claims_runs_what_tests_a_claim_once_and_prints_its_verdict(
    command: Command, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    name = "heads-sentiment-first-token"
    asked = ("claims", "--run", name, *tiny, "--epochs", 1, "--format", "json")

    answer = command(*asked)
    assert answer.code == 0, answer.err
    (finding,) = answer.json
    assert (finding["id"], finding["seeds"]) == (name, 5)
    assert finding["with_holm"] == finding["verdict"]  # one claim alone
    assert finding["low"] <= finding["effect"] <= finding["high"]
    assert "10 runs to train, 0 are already available." in answer.err
    assert "10 of 10" in answer.err
    store = RunStore(Settings.from_environment().database)
    made = RunsMade.of(store.runs()).model_dump(mode="json")
    assert finding["runs"] == {"source": "this machine"} | made
    assert len(made["versions"]["torch"]) == 1

    again = command(*asked)
    assert "0 runs to train, 10 are already available." in again.err
    assert again.json == answer.json
    assert len(store.runs()) == 10
    store.close()


@pytest.fixture
def two_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every experiment with two seeds."""
    for name, each in EXPERIMENTS.items():
        fewer = each.spec.model_copy(update={"seeds": (0, 1)})
        monkeypatch.setitem(EXPERIMENTS, name, each.model_copy(update={"spec": fewer}))


@pytest.mark.long
@pytest.mark.usefixtures("two_seeds")
def test_an_interrupted_second_stage_continues_and_finished_runs_are_not_repeated(
    command: Command, tiny_checkpoint: Path, tiny_data: Path, tmp_path: Path
) -> None:
    staged = claim_by_id("imbalance-strong-sentiment")
    runs = sum(len(EXPERIMENTS[arm.experiment].spec.seeds) for arm in staged.arms)
    data = with_more_sentences(tiny_data, tmp_path)
    tiny = ("--checkpoint", tiny_checkpoint, "--data", data, "--max-length", 16)
    asked = ("claims", "--run", staged.id, *tiny, "--epochs", 1, "--format", "json")
    first = command(*asked)
    assert f"{runs} runs to train, 0 are already available." in first.err, first.err

    database = Settings.from_environment().database
    with closing(sqlite3.connect(database)) as connection, connection:
        newest = "SELECT number FROM runs ORDER BY number DESC LIMIT 2"
        connection.execute(
            f"UPDATE runs SET state = 'interrupted' WHERE number IN ({newest})"  # noqa: S608
        )
    again = command(*asked)
    assert f"2 runs to train, {runs - 2} are already available." in again.err
    assert [each["effect"] for each in again.json] == [each["effect"] for each in first.json]
    store = RunStore(database)
    assert len(store.runs()) == runs + 2
    assert len(store.comparisons()) == len({arm.experiment for arm in staged.arms})
    store.close()


@pytest.mark.long
@pytest.mark.usefixtures("two_seeds")
def test_any_two_checkpoints_here_can_be_compared_on_any_data(
    command: Command, tiny_checkpoint: Path, tiny_data: Path, tmp_path: Path
) -> None:
    domain = copytree(tiny_checkpoint, tmp_path / "tiny-domain")
    pair = ("--checkpoint", tiny_checkpoint, "--domain-checkpoint", domain)
    rest = ("--data", tiny_data, "--max-length", 16, "--epochs", 1, "--format", "json")
    answer = command("claims", "--run", "domain-checkpoint", *pair, *rest)
    assert answer.code == 0, answer.err
    (finding,) = answer.json
    assert (finding["seeds"], finding["effect"]) == (2, 0.0)  # the same weights
    assert finding["low"] < 0 < finding["high"]
    store = RunStore(Settings.from_environment().database)
    specs = [run.spec for run in store.runs()]
    store.close()
    assert {spec.checkpoint for spec in specs} == {str(tiny_checkpoint), str(domain)}
    assert {(spec.data, spec.epochs) for spec in specs} == {(str(tiny_data), 1.0)}


@pytest.mark.parametrize("ids", [("heads-nerr",), ("--claim", "heads-nerr")])
def test_a_claim_that_does_not_exist_is_refused(command: Command, ids: tuple[str, ...]) -> None:
    answer = command("claims", *ids)
    assert answer.code == 2
    assert answer.err.startswith("There is no claim 'heads-nerr'. There are: heads-ner")


def test_other_data_without_run_are_refused(command: Command) -> None:
    answer = command("claims", "--data", "mine.yaml", "--max-length", 16)
    assert answer.code == 2
    assert answer.err == (
        "Without --run, `claims` prints the verdicts of the included runs: add --run to use "
        "'--data', '--max-length'.\n"
    )


def test_runs_on_other_data_cannot_be_included(command: Command) -> None:
    answer = command("claims", "kept-bytes", "--ship", "--data", "mine.yaml")
    assert answer.code == 2
    assert answer.err == (
        "--ship does not change the settings of the claims: omit '--data', or use --run.\n"
    )


def test_a_counted_claim_needs_no_run_and_is_in_a_markdown_table(command: Command) -> None:
    answer = command("claims", "--claim", "kept-bytes", "--format", "markdown")
    assert answer.code == 0
    row = answer.out.splitlines()[2]
    assert row.startswith("| Training 0.1 % of the parameters saves 99 % of the memory. | ✕ ")
    assert "| ×2.4 |  | computed" in row
    assert row.endswith(" computed, must exceed ×100 |  |  |")
