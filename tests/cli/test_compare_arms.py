"""`compare` of arms: scenarios, plan files and another checkpoint in one comparison."""

import csv
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mtl_core.cli.repeat.files import find_files
from mtl_core.cli.repeat.unpacked import read_bundle
from mtl_core.freezing.plan_file import read_plan
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from tests.commands import Answer, Command, run_in_home

SAME_LOSSES = "Repeated: the losses of all 10 steps of 8 runs are the same to the last bit."
"""Two seeds of three arms with one epoch of one step, and of one arm with two epochs."""
NAMES = ["heads-only", "lower layer", "full (tiny-letters)", "top-1, fast"]


class Compared(NamedTuple):
    """A finished `compare --format json --output`, and the home that contains its store."""

    home: Path
    output: Path
    plan: Path
    answer: Answer

    @property
    def json(self) -> Any:
        return self.answer.json

    @property
    def id(self) -> str:
        return self.answer.err.split()[1].rstrip(":")


@pytest.fixture(scope="session")
def letters_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 3-layer DistilBERT whose tokens are letters, so that few words fit into 11 tokens."""
    import torch
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertModel

    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-letters"
    letters = "abcdefghijklmnopqrstuvwxyz.,"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    config = DistilBertConfig(
        vocab_size=len(words),
        dim=32,
        n_layers=3,
        n_heads=2,
        hidden_dim=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        DistilBertModel(config).save_pretrained(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def compared(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_checkpoint: Path,
    letters_checkpoint: Path,
    tiny_data: Path,
) -> Compared:
    folder = tmp_path_factory.mktemp("arms")
    plan = folder / "mine, really.yaml"
    plan.write_text(
        "name: lower layer\nphases:\n- {name: one, train: [heads, 'bert.encoder.layer.0.*']}\n",
        encoding="utf-8",
    )
    answer = run_in_home(
        folder / "home",
        *("compare", "--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 11),
        *("--scenarios", "heads-only", "--plan", plan),
        *("--arm", f"full,checkpoint={letters_checkpoint}"),
        *("--arm", 'top-1,learning-rate=1e-3,epochs=2,task-weight:ner=0.5,"name=top-1, fast"'),
        *("--seeds", "3,5", "--epochs", 1, "--reference", "top-1, fast"),
        *("--format", "json", "--output", folder / "bundle"),
    )
    assert answer.code == 0, answer.err
    return Compared(folder / "home", folder / "bundle", plan, answer)


@pytest.fixture
def kept(compared: Compared, monkeypatch: pytest.MonkeyPatch) -> Compared:
    """The same, with commands of this process looking into its home."""
    monkeypatch.setenv("FREEZE_LAB_HOME", str(compared.home))
    return compared


def test_each_arm_is_an_entry_with_the_values_in_which_it_differs(
    compared: Compared, tiny_checkpoint: Path, letters_checkpoint: Path
) -> None:
    plain, own_plan, elsewhere, fast = compared.json["scenarios"]
    assert [each["scenario"] for each in compared.json["scenarios"]] == NAMES
    assert not {"checkpoint", "base", "plan", "options"} & set(plain)
    assert own_plan["plan"] == read_plan(compared.plan).model_dump(mode="json")
    assert (own_plan["base"], own_plan["options"]) == (None, {})
    assert own_plan["checkpoint"] == str(tiny_checkpoint)
    assert (elsewhere["base"], elsewhere["plan"]) == ("full", None)
    assert elsewhere["checkpoint"] == str(letters_checkpoint)
    assert elsewhere["options"] == {"sentence_vector": "first-token"}
    assert fast["options"] == {
        "learning_rate": 0.001,
        "task_weights": {"ner": 0.5},
        "epochs": 2.0,
    }
    for each in compared.json["scenarios"]:
        assert [run["seed"] for run in each["seeds"]] == [3, 5]


def test_counts_are_those_of_the_checkpoint_of_the_arm(
    compared: Compared, command: Command, letters_checkpoint: Path, tiny_data: Path
) -> None:
    model = ("--checkpoint", letters_checkpoint, "--data", tiny_data)
    full = command("inspect", *model, "--scenario", "full", "--format", "json").json["totals"]
    arm = compared.json["scenarios"][2]
    assert (arm["trainable"], arm["frozen"]) == (full["trainable"], full["frozen"])
    assert arm["trainable"] != compared.json["scenarios"][3]["trainable"]


def test_verdicts_are_by_the_names_of_the_arms(compared: Compared) -> None:
    for task in ("sentiment", "ner"):
        assert {each["scenario"] for each in compared.json["verdicts"][task]} == set(NAMES)
        against = compared.json["against_reference"][task]
        assert {each["scenario"] for each in against} == set(NAMES) - {"top-1, fast"}


def test_checkpoints_with_other_tokens_are_paired_by_all_sentences(compared: Compared) -> None:
    with (compared.output / "tables" / "plans.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == "ner"]
    tested = [row for row in rows if row["pairs_of_seeds"]]
    assert {row["sentences"] for row in tested} <= {"4"}
    assert len({row["checkpoint"] for row in rows}) == 2
    note = (compared.output / "note.md").read_text(encoding="utf-8")
    lost = [each for each in note.splitlines() if "cut off in the validation data of ner" in each]
    assert len(lost) == 1
    assert "letters" in lost[0]


def test_text_and_note_state_what_differs_for_each_arm(kept: Compared, command: Command) -> None:
    shown = command("runs", "show", kept.id).out
    note = (kept.output / "note.md").read_text(encoding="utf-8")
    for text in (shown, note):
        assert "2 epochs" in text
        assert "tiny-letters" in text
    assert "Settings of top-1, fast: learning rate 0.001; task weight of ner 0.5; " in shown
    runs = command("runs", "list", "--format", "json").json
    assert {run["arm"] for run in runs if run["comparison"] == kept.id} == set(NAMES)
    headline = note.splitlines()[0]
    assert "differ in more than the plan" not in headline


def test_the_bundle_repeats_every_arm_with_the_files_of_another_machine(
    kept: Compared, tiny_checkpoint: Path, letters_checkpoint: Path, tiny_data: Path
) -> None:
    bundle = read_bundle(kept.output)
    assert bundle.comparison is not None
    assert bundle.comparison.checkpoints == ("./tiny-bert", "./tiny-letters")
    assert read_plan(kept.output / "plans" / "2-lower-layer.yaml") == read_plan(kept.plan)
    settings = Settings.from_environment()
    files = [str(letters_checkpoint), str(tiny_checkpoint)]  # in any order
    found = find_files(bundle, settings, [str(tiny_data)], files)
    with closing(RunStore(settings.database)) as store:
        assert found.in_comparison(bundle.comparison, {}) == store.comparison(kept.id).spec
        specs = [found.in_run(run.spec, {}) for run in bundle.repeated]
        assert [(each.checkpoint, each.data, each.seed) for each in specs] == [
            (run.spec.checkpoint, run.spec.data, run.spec.seed)
            for run in map(store.run, [run.id for run in bundle.repeated])
        ]


@pytest.mark.long
def test_every_arm_is_repeated_to_the_same_scores(
    compared: Compared,
    tmp_path: Path,
    tiny_checkpoint: Path,
    letters_checkpoint: Path,
    tiny_data: Path,
) -> None:
    done = run_in_home(
        *(tmp_path / "home", "repeat", compared.output, "--data", tiny_data),
        *("--checkpoint", tiny_checkpoint, "--checkpoint", letters_checkpoint),
        *("--format", "json"),
    )
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == SAME_LOSSES
    for one, other in zip(compared.json["scenarios"], done.json["scenarios"], strict=True):
        assert one["mean"] == other["mean"]
        assert {key: one.get(key) for key in ("scenario", "plan", "options")} == {
            key: other.get(key) for key in ("scenario", "plan", "options")
        }


@pytest.mark.long
def test_added_seeds_are_trained_with_every_arm(kept: Compared, command: Command) -> None:
    answer = command("compare", "--resume", kept.id, "--seeds", "3,5,7", "--format", "json")
    assert answer.code == 0, answer.err
    added = answer.json["scenarios"]
    assert [each["scenario"] for each in added] == NAMES
    for one, other in zip(kept.json["scenarios"], added, strict=True):
        assert [run["seed"] for run in other["seeds"]] == [3, 5, 7]
        assert other["seeds"][:2] == one["seeds"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--arm", "top-1,learning-rat=1"), "no key 'learning-rat'. Nearest: 'learning-rate'"),
        (("--arm", "top-1,fast"), "Arm 'top-1,fast': 'fast' is not KEY=VALUE."),
        (("--arm", "top-1,epochs=x"), "--epochs x: input should be a valid number"),
        (("--arm", "top-1,learning-rate=x"), "learning-rate x: write a number"),
        (("--arm", "top-1,learning-rate=20"), "learning-rate 20.0: input should be less than 10"),
        (("--arm", "top-1,epochs=1,epochs=2"), "'epochs' is given twice"),
        (("--arm", "top-1,examples=5"), "There is no key 'examples'. Nearest: 'examples:TASK'"),
        (("--arm", "top-1,task-weight:nre=0"), "task_weights names 'nre'; the tasks are"),
        (("--arm", "no/such.yaml,name=mine"), "There is no plan file at no/such.yaml."),
        (("--arm", "full,checkpoint=bert-bas-uncased"), "Nearest: bert-base-uncased"),
        (("--arm", "full,checkpoint=bert-large-uncased"), "Arm 'full (bert-large-uncased)': "),
        (("--scenarios", "full", "--arm", "full"), "The arm 'full' is given twice"),
        (("--scenarios", "full", "--reference", "ful"), "--reference ful is not compared. Nearest"),
        (("--scenarios", "full", "--arm", "full,name=a"), "Arms 'full' and 'a' are the same."),
        (("--arm", "full,epochs=2", "--seconds", "5"), "it has its own epochs, and the comparison"),
        (("--arm", "full,starts-from=x"), "Arm 'full (starts-from x)': There is no run 'x'."),
    ],
)
def test_an_arm_that_cannot_be_compared_is_refused(
    refused: Callable[..., str], arguments: tuple[str, ...], problem: str
) -> None:
    assert problem in refused("compare", *arguments)


def test_the_problems_of_all_arms_are_in_one_message(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\nphases:\n- {name: one, train: ['roberta.encoder.*']}\n", encoding="utf-8"
    )
    message = refused(
        *("compare", "--scenarios", "top-9", "--plan", tmp_path / "own.yaml"),
        *("--arm", "full,checkpoint=bert-large-uncased"),
    )
    assert "'top-9' does not fit this checkpoint" in message
    assert "Arm 'own': 'roberta.encoder.*'" in message
    assert "Arm 'full (bert-large-uncased)': " in message
    parsed = refused("compare", "--arm", "full,epochs=0", "--arm", "top-1,x=1")
    assert "--epochs 0" in parsed
    assert "no key 'x'" in parsed
