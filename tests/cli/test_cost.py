"""`cost`: what a step takes, before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl_core.cost.speed import Speed, load_speed, machine, save_speed
from mtl_core.settings import Settings

Command = Callable[..., Any]
BERT = ("--checkpoint", "bert-base-uncased")
KEYS = {
    "forward_flops",
    "backward_flops",
    "saved_activation_bytes",
    "gradient_bytes",
    "optimizer_bytes",
    "weight_bytes",
    "relative_to_full",
    "estimated_seconds_per_step",
}


@pytest.fixture
def measured() -> Speed:
    """A speed of this machine, as if measured earlier."""
    settings = Settings.from_environment()
    speed = Speed(
        machine=machine(settings),
        forward_seconds_per_flop=1e-11,
        keeping_seconds_per_byte=1e-10,
        backward_seconds_per_flop=1e-11,
        optimizer_seconds_per_parameter=1e-8,
    )
    save_speed(speed, settings)
    return speed


def test_json_has_what_scripts_read(command: Command, measured: Speed) -> None:
    answer = command("cost", *BERT, "--scenario", "heads-only", "--format", "json")
    assert (answer.code, answer.err) == (0, "")
    cost = answer.json
    assert cost.keys() >= KEYS
    assert cost["gradient_bytes"] == 4 * 4_614
    assert cost["optimizer_bytes"] == 8 * 4_614
    assert cost["weight_bytes"] == 4 * 109_486_854
    assert cost["relative_to_full"].keys() == {"flops", "memory"}
    assert 0.1 < cost["relative_to_full"]["memory"] < 0.15
    expected = cost["forward_flops"] * 1e-11 + cost["backward_flops"] * 1e-11
    expected += cost["saved_activation_bytes"] * 1e-10 + 4_614 * 1e-8
    assert cost["estimated_seconds_per_step"] == pytest.approx(expected)


def test_the_word_embedding_is_counted_at_most_and_only_where_it_learns(
    command: Command, measured: Speed
) -> None:
    bound = "it includes 281 MB of gradients and optimizer states for all 30,522 rows"  # x 768 x 12
    assert bound in command("cost", *BERT, "--scenario", "full").out
    assert "upper bound" not in command("cost", *BERT, "--scenario", "top-1").out


def test_full_is_its_own_measure(command: Command, measured: Speed) -> None:
    cost = command("cost", *BERT, "--scenario", "full", "--format", "json").json
    assert cost["relative_to_full"] == {"flops": 1.0, "memory": 1.0}


def test_batch_size_length_and_phase_are_heeded(command: Command, measured: Speed) -> None:
    gradual = ("cost", *BERT, "--scenario", "gradual", "--format", "json")
    small = command(*gradual, "--batch-size", 4, "--max-length", 32).json
    assert (small["batch_size"], small["max_length"]) == (4, 32)
    large = command(*gradual, "--batch-size", 8, "--max-length", 32).json
    assert large["saved_activation_bytes"] == 2 * small["saved_activation_bytes"]
    second = command(*gradual, "--phase", 2).json
    assert second["gradient_bytes"] == 4 * 7_092_486


def test_the_table_says_why_biases_are_expensive(command: Command, measured: Speed) -> None:
    out = command("cost", *BERT, "--scenario", "bitfit").out
    assert "saved activations" + " " * 16 + "1,309 MB     1,838 MB     71 %" in out
    assert "The lowest trainable tensor decides this" in out
    assert "the gradient passes through 12 of 12 layers" in out


def test_a_plan_of_ones_own_and_other_heads(
    command: Command, measured: Speed, tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("name: biases\nphases:\n  - {name: all, train: [biases]}\n")
    answer = command(
        *("cost", "--checkpoint", tiny_checkpoint, "--plan", plan, "--data", tiny_data),
        *("--max-length", 64, "--format", "json"),
    )
    assert answer.code == 0, answer.err
    assert 0 < answer.json["relative_to_full"]["memory"] < 1


def test_the_first_time_this_machine_is_measured(command: Command) -> None:
    answer = command("cost", "--scenario", "top-1", "--format", "json")
    assert answer.err == "Measuring the speed of this machine, once; this takes a few seconds …\n"
    assert answer.json["estimated_seconds_per_step"] > 0
    assert load_speed(Settings.from_environment()) is not None
    assert command("cost", "--scenario", "top-1", "--format", "json").err == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--scenario", "top-99"), "so top-1 to top-6 exist"),
        (("--scenario", "gradual", "--phase", 9), "There is no phase 9: 'gradual' has 4"),
        (("--scenario", "full", "--batch-size", 0), "batch-size"),
        (("--scenario", "full", "--max-length", 7), "max-length"),
        (("--scenario", "full", "--checkpoint", "bert-bas-uncased"), "Nearest: bert-base-uncased"),
    ],
)
def test_what_does_not_fit_is_refused(
    refused: Callable[..., str], arguments: tuple[object, ...], reason: str
) -> None:
    assert reason in refused("cost", *arguments)
