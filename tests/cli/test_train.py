"""`train` with the tiny checkpoint and data."""

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from safetensors.torch import load_file, save_file

from mtl_core.cli.run_output import TextPrinter, progress_bar
from mtl_core.training.events import Step
from mtl_core.training.starting import Stage, Starting

Command = Callable[..., Any]
SHORT = ("--scenario", "heads-only", "--epochs", 1, "--batch-size", 6)
JSONL = ("--format", "jsonl")
FIELDS = {  # the documented fields, and after | further ones
    "run_started": "run spec totals | total_steps examples notes",
    "phase_started": "phase trainable frozen unreached epochs | number steps prefix",
    "step": "phase step epoch loss learning_rates",
    "evaluation": "phase epoch step split tasks",
    "answers": "step split places answers",
    "measured": "groups gradient_cosine gradient_cosine_range probes layer_probes unchanged",
    "phase_finished": "phase frozen_identical | frozen_tensors",
    "run_finished": "run metrics frozen_identical frozen_tensors peak_memory_bytes "
    "training_seconds evaluation_seconds total_seconds | output prefix_seconds trained_beside "
    "judged_on validation frozen_in_checkpoint",
}


def test_every_line_is_an_event_with_exactly_its_fields(train: Command) -> None:
    answer = train(*SHORT, *JSONL)

    assert (answer.code, answer.err) == (0, "")
    for event in answer.events:
        named = set(FIELDS[event["event"]].replace("|", "").split())
        assert set(event) == {"event", "elapsed_seconds", *named}
    seconds = [event["elapsed_seconds"] for event in answer.events]
    assert seconds == sorted(seconds)


def test_events_come_in_order_and_the_first_evaluation_before_training(train: Command) -> None:
    events = train(*SHORT, *JSONL).events

    assert [event["event"] for event in events] == [
        *("run_started", "evaluation", "answers", "phase_started", "step", "step", "evaluation"),
        *("phase_finished", "answers", "measured", "run_finished"),
    ]
    assert [event["step"] for event in events if event["event"] == "step"] == [1, 2]
    first, last = (event for event in events if event["event"] == "evaluation")
    assert (first["epoch"], first["step"], first["split"]) == (0, 0, "validation")
    assert (last["epoch"], last["step"]) == (1, 2)
    assert set(first["tasks"]["sentiment"]) == {"loss", "accuracy", "macro_f1"}
    assert set(first["tasks"]["ner"]) == {"loss", "entity_f1", "precision", "recall"}
    assert events[-1]["metrics"] == last["tasks"]


def test_the_spec_is_whole_and_the_counts_are_those_of_inspect(
    train: Command, command: Command, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    options = ("--seed", 7, "--examples", "sentiment=4", "--examples", "ner=2")
    started, *_, finished = train(*SHORT, *options, "--learning-rate", 1e-5, *JSONL).events
    spec = started["spec"]
    inspected = command(
        *("inspect", "--checkpoint", tiny_checkpoint, "--data", tiny_data, "--format", "json")
    ).json

    assert spec["checkpoint"] == str(tiny_checkpoint)
    assert (spec["scenario"], spec["seed"], spec["epochs"]) == ("heads-only", 7, 1)
    assert (spec["batch_size"], spec["max_length"], spec["threads"]) == (6, 16, 1)
    assert spec["examples"] == {"sentiment": 4, "ner": 2}
    assert spec["plan"]["learning_rate"] == 1e-5
    assert spec["plan"]["head_learning_rate"] == 7.1e-3
    assert len(spec["weights_digest"]) == 64
    assert spec["data_digests"]
    assert {"torch", "transformers"} <= set(spec["versions"])
    assert started["totals"] == inspected["totals"]
    assert started["examples"]["sentiment"] == {"train": 4, "validation": 4}
    assert started["total_steps"] == 1
    assert finished["frozen_identical"] is True
    assert finished["frozen_tensors"] == 39


def test_the_same_run_twice_has_the_same_losses_to_the_last_digit(train: Command) -> None:
    def losses() -> list[Any]:
        printed = train(*SHORT, "--scenario", "full", "--seed", 3, *JSONL).events
        kinds = {"step": "loss", "evaluation": "tasks", "run_finished": "metrics"}
        return [event[kinds[event["event"]]] for event in printed if event["event"] in kinds]

    first = losses()

    assert first == losses()
    digits = [repr(loss) for loss in first[1].values() if loss is not None]
    assert digits
    assert all(len(each) > 10 for each in digits)


def test_the_text_format_prints_lines(train: Command) -> None:
    answer = train(*SHORT)

    lines = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert lines[0].startswith("Run ")
    assert "heads-only" in lines[1]
    assert any("before training: sentiment accuracy" in line for line in lines)
    assert any(
        line.startswith("Phase 1 of 1, heads: 198 parameters are trainable") for line in lines
    )
    assert any(line.startswith("Finished in ") for line in lines)
    assert "39 of 39 frozen tensors bit-identical by SHA-256, in memory" in answer.out


def test_in_a_terminal_the_bar_shows_the_stages_and_then_the_steps() -> None:
    console = Console(file=StringIO(), force_terminal=True)
    bar = progress_bar(console)
    show = TextPrinter(console, bar)
    shown = []
    for event in (
        Starting(stage=Stage.IMPORTS),
        Starting(stage=Stage.FROZEN_OUTPUTS, done=320, total=800),
        Step(
            elapsed_seconds=1.0,
            phase="heads",
            step=1,
            epoch=0.5,
            loss={"ner": 0.5},
            learning_rates={},
        ),
        Starting(stage=Stage.STEP),
    ):
        show(event)
        shown.append((bar.tasks[0].fields["where"], bar.tasks[0].completed))
    assert shown == [
        ("Importing torch and transformers", 0),
        ("Computing the outputs of the frozen layers for all splits: 320 of 800 sentences", 320),
        ("step 1 of 0", 1),
        ("Computing step 2", 1),
    ]


def test_a_plan_file_is_trained_phase_by_phase(
    train: Command, command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: 'mine [old]'\nphases:\n"
        "  - {name: one, train: [heads]}\n  - {name: two, train: [top:1]}\n"
        "learning_rate: 2e-5\n",
        encoding="utf-8",
    )
    events = train("--plan", file, "--epochs", 2, "--batch-size", 6, *JSONL).events

    assert events[0]["spec"]["scenario"] is None
    assert events[0]["spec"]["plan"]["name"] == "mine [old]"
    assert "mine [old]" in command("runs", "list").out
    started = [event for event in events if event["event"] == "phase_started"]
    assert [(event["phase"], event["epochs"], event["steps"]) for event in started] == [
        ("one", 1, 2),
        ("two", 1, 2),
    ]


def test_device_and_precision_are_in_the_spec(train: Command) -> None:
    usual, low = train(*SHORT, *JSONL), train(*SHORT, "--precision", "bfloat16", *JSONL)

    specs = [each.events[0]["spec"] for each in (usual, low)]
    assert [(spec["device"], spec["precision"]) for spec in specs] == [
        ("cpu", "float32"),
        ("cpu", "bfloat16"),
    ]


@pytest.mark.parametrize(("is_fast", "chosen"), [(True, "bfloat16"), (False, "float32")])
def test_the_automatic_precision_is_the_one_in_which_the_processor_is_fast(
    train: Command, monkeypatch: pytest.MonkeyPatch, is_fast: bool, chosen: str
) -> None:
    monkeypatch.setattr("mtl_core.cli.run_options.multiplies_fast_in_bfloat16", lambda: is_fast)
    done = train(*SHORT, "--precision", "auto", *JSONL)
    assert done.events[0]["spec"]["precision"] == chosen


def test_an_unknown_precision_is_refused_with_those_available(train: Command) -> None:
    refused = train(*SHORT, "--precision", "fp8")
    assert refused.code == 2
    assert "There is no precision 'fp8'. Available: float32, bfloat16, and auto" in refused.err


def test_an_unknown_device_is_refused_with_those_available(train: Command) -> None:
    refused = train(*SHORT, "--device", "tpu")

    assert refused.code == 2
    assert "There is no device 'tpu'. Available: " in refused.err


def test_prefix_reuse_can_be_switched_off(train: Command) -> None:
    on, off = train(*SHORT, *JSONL), train(*SHORT, "--no-prefix-reuse", *JSONL)

    assert (on.events[0]["spec"]["prefix_reuse"], on.events[3]["prefix"]["from_layer"]) == (True, 2)
    assert off.events[0]["spec"]["prefix_reuse"] is False
    assert off.events[3]["prefix"]["from_layer"] is None
    assert off.events[3]["prefix"]["reason"] == "it was switched off for this run"


def test_a_second_run_reuses_the_stored_outputs_of_the_first(
    train: Command, tmp_path: Path
) -> None:
    train(*SHORT)
    (entry,) = (tmp_path / "home" / "cache" / "prefixes").iterdir()
    before = entry.stat()

    printed = train(*SHORT, "--seed", 3).out

    assert "Prefix reuse: only the heads run on every step; the layers below ran once" in printed
    assert (entry.stat().st_ino, entry.stat().st_size) == (before.st_ino, before.st_size)


def test_a_plan_that_trains_nothing_finishes(train: Command) -> None:
    answer = train("--scenario", "frozen", *JSONL)

    assert answer.code == 0
    assert [event for event in answer.events if event["event"] == "step"] == []
    assert answer.events[-1]["frozen_tensors"] == 43


def test_output_becomes_a_folder_with_the_model(train: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "model"

    events = train(*SHORT, "--output", folder, *JSONL).events

    assert events[-1]["output"] == str(folder)
    assert {"config.json", "model.safetensors", "plan.yaml"} <= {
        each.name for each in folder.iterdir()
    }


def _nan(tensors: dict[str, Any]) -> None:
    tensors["embeddings.LayerNorm.weight"].fill_(float("nan"))


def _infinite_gradients(tensors: dict[str, Any]) -> None:
    tensors["encoder.layer.1.attention.output.LayerNorm.weight"].fill_(1e-6)
    tensors["encoder.layer.1.output.LayerNorm.weight"].fill_(1e37)


@pytest.mark.parametrize(
    ("change", "code", "step", "cause", "steps"),
    [
        (
            *(_nan, 2, 0),
            "(NaN or infinite values in bert.embeddings.LayerNorm.weight). Copy it again",
            [],
        ),
        (_infinite_gradients, 1, 2, "The learning rate is probably too high", [1]),
    ],
)
def test_a_failed_run_ends_with_run_failed_and_the_exit_code_of_its_cause(
    train: Command,
    command: Command,
    tiny_checkpoint: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    code: int,
    step: int,
    cause: str,
    steps: list[int],
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_checkpoint, damaged)
    weights = load_file(damaged / "model.safetensors")
    change(weights)
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})

    answer = train("--checkpoint", damaged, *SHORT, "--scenario", "full", *JSONL)
    listed = command("runs", "list", "--format", "json").json[0]

    last = answer.events[-1]
    assert answer.code == code
    assert last["event"] == "run_failed"
    assert last["reason"].startswith(f"The loss of sentiment became nan at step {step}.")
    assert cause in last["reason"]
    assert answer.err == f"{last['reason']}\n"
    assert (listed["state"], listed["reason"]) == ("failed", last["reason"])
    assert ":NaN" not in answer.out
    assert last["diverged"] is bool(steps)
    stored = command("runs", "show", listed["run"], "--format", "jsonl").events
    assert [event["step"] for event in stored if event["event"] == "step"] == steps


def test_label_noise_is_in_the_notes_and_in_the_spec(train: Command) -> None:
    noise = ("--label-noise", "sentiment=0.25", "--label-noise", "ner=1")
    started = train(*SHORT, *noise, *JSONL).events[0]

    assert started["spec"]["label_noise"] == {"sentiment": 0.25, "ner": 1.0}
    assert [note.partition(",")[0] for note in started["notes"][:2]] == [
        "Label noise: 2 of 8 training sentences of sentiment have wrong labels",
        "Label noise: 4 of 4 training sentences of ner have wrong labels",
    ]


def test_a_random_encoder_is_noted_and_stays_frozen(train: Command) -> None:
    pretrained = train(*SHORT, *JSONL).events
    events = train(*SHORT, "--random-backbone", *JSONL).events

    started, finished = events[0], events[-1]
    assert started["spec"]["random_backbone"] is True
    assert started["notes"][0].startswith(
        "The encoder's weights are initialised at random from the seed"
    )
    assert started["spec"]["weights_digest"] != pretrained[0]["spec"]["weights_digest"]
    assert (finished["frozen_identical"], finished["frozen_tensors"]) == (True, 39)


def test_other_data_are_scored_on_lines_of_their_own(
    train: Command, command: Command, tiny_data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_data.parent, other)
    printed = train(*SHORT, "--also-evaluate", other).out
    scores = [
        line for line in printed.splitlines() if "before training" in line or "epoch " in line
    ]

    assert [f", on {other}: " in line for line in scores] == [False, True, False, True]
    first, there = (line.split(": ", 1)[1] for line in scores[:2])
    assert first.startswith(there[:40])  # the same sentences; a long line is folded
    run = printed.splitlines()[0].removeprefix("Run ")
    assert command("runs", "show", run).out == printed
    (listed,) = (line for line in command("runs", "list").out.splitlines() if run in line)
    assert listed.count("sentiment accuracy") == 1


def test_a_run_starts_from_the_saved_model_of_another(
    train: Command, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(*SHORT, "--output", tmp_path / "first", *JSONL).events
    run = first[0]["run"]
    second = train(*SHORT, "--starts-from", run, *JSONL).events

    assert second[0]["spec"]["starts_from"] == run
    assert second[1]["tasks"] == first[-1]["metrics"]
    shown = command("runs", "show", second[0]["run"]).out
    assert f"This run is stage 2: it starts from {run}:" in shown
    assert "This run" not in command("runs", "show", run).out
    table = shown[shown.index("This run is") :].splitlines()
    assert table[1].split() == [
        "Stage",
        "Run",
        "Trained",
        "Sentiment",
        "accuracy",
        "NER",
        "entity",
        "F1",
    ]
    assert [line.split()[:2] for line in table[2:4]] == [["1", run], ["2", second[0]["run"]]]
    without = train(*SHORT, *JSONL).events[0]["run"]
    answer = train(*SHORT, "--starts-from", without)
    assert (answer.code, f"Run '{without}' has no saved model." in answer.err) == (2, True)
    monkeypatch.chdir(tmp_path)
    beside = train(*SHORT, "--output", "beside", *JSONL).events
    assert beside[-1]["output"] == str(tmp_path / "beside")
    monkeypatch.chdir(tmp_path.parent)
    assert train(*SHORT, "--starts-from", beside[0]["run"]).code == 0
    file = tmp_path / "first" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    answer = train(*SHORT, "--starts-from", run)
    assert (answer.code, f"{file} was changed or damaged since its run" in answer.err) == (2, True)
    assert command("predict", run, "--text", "good").code == 2
    shutil.rmtree(tmp_path / "first")
    assert "is no longer at" in train(*SHORT, "--starts-from", run).err
