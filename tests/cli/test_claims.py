from pathlib import Path

from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from tests.commands import Command


def test_claims_runs_what_tests_a_claim_once_and_prints_its_verdict(
    command: Command, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    asked = ("claims", "--claim", "heads-ner", *tiny, "--epochs", 1, "--format", "json")

    answer = command(*asked)
    assert answer.code == 0, answer.err
    (finding,) = answer.json
    assert (finding["id"], finding["seeds"]) == ("heads-ner", 5)
    assert finding["low"] <= finding["effect"] <= finding["high"]
    assert "10 runs to train, 0 are already available." in answer.err
    assert "10 of 10" in answer.err

    again = command(*asked)
    assert "0 runs to train, 10 are already available." in again.err
    assert again.json == answer.json
    store = RunStore(Settings.from_environment().database)
    assert len(store.runs()) == 10
    store.close()


def test_a_claim_that_does_not_exist_is_refused(command: Command) -> None:
    answer = command("claims", "--claim", "heads-nerr")
    assert answer.code == 2
    assert answer.err == "There is no claim 'heads-nerr'. There are: heads-ner, biases-ner.\n"


def test_a_counted_claim_needs_no_run_and_is_in_a_markdown_table(command: Command) -> None:
    answer = command("claims", "--claim", "kept-bytes", "--format", "markdown")
    assert answer.code == 0
    assert answer.out.splitlines()[2].startswith(
        "| Training 0.1 % of the parameters saves nearly all the memory. "
        "| ✕ does not hold here | ×2.4 |  | under 0.1 % of the parameters learn"
    )
