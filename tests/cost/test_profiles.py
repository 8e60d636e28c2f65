"""Profiles: shipped, cached, and read without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.explanation import costs_more_than_its_share, memory_reason, reuse_note, share
from mtl_core.cost.profile import Amount, total_amount
from mtl_core.cost.profile_cache import load_profile, read_profile, shipped_profile
from mtl_core.cost.speed import Speed, load_speed, machine, save_speed
from mtl_core.cost.trace import trace_costs
from mtl_core.errors import DamagedCheckpoint
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.text import megabytes


def cost_of(checkpoint, scenario, batch_size=16, max_length=128):
    model = ModelDescription(read_description(shipped_description(checkpoint)), DEFAULT_TASKS)
    table = parameter_table(scenario_plan(scenario, model), model)
    profile = read_profile(shipped_profile(checkpoint))
    return step_cost(profile, model, table, batch_size, max_length), table, model


def test_the_shipped_profile_is_what_tracing_gives():
    assert read_profile(shipped_profile("minilm-l6")) == trace_costs(
        resolve_checkpoint("minilm-l6", ANY_FILE)
    )


@pytest.mark.parametrize("name", [each.name for each in catalogue()])
def test_every_catalogue_entry_has_a_profile_of_all_tensors_a_loss_reaches(name):
    description = read_description(shipped_description(name))
    reached = {t.name for t in description.tensors if t.reached_by and t.tied_to is None}
    profile = read_profile(shipped_profile(name))
    assert set(profile.tensors) == reached
    assert len(profile.forward) == description.depth + 2


@pytest.mark.parametrize(
    ("scenario", "kept"),
    [("heads-only", 6.3), ("top-1", 163.6), ("bitfit", 1309.1), ("full", 1837.5), ("frozen", 0)],
)
def test_bert_base_saves_this_many_megabytes_for_sixteen_sentences_of_128_tokens(scenario, kept):
    cost, _, _ = cost_of("bert-base-uncased", scenario)
    assert round(cost.saved_activation_bytes / 1e6, 1) == kept


def test_a_length_is_limited_to_the_positions():
    assert cost_of("minilm-l6", "full", max_length=4000)[0].max_length == 512


def test_an_unknown_checkpoint_is_traced_once_and_cached(tiny_checkpoint):
    settings, checkpoint = (
        Settings.from_environment(),
        resolve_checkpoint(str(tiny_checkpoint), ANY_FILE),
    )
    traced = []

    def trace(asked):
        traced.append(asked)
        return trace_costs(asked)

    first = load_profile(checkpoint, settings, trace)
    assert load_profile(checkpoint, settings, trace) == first
    assert traced == [checkpoint]
    next(settings.costs.glob("*.json")).write_text("{")
    assert load_profile(checkpoint, settings, trace) == first
    assert len(traced) == 2


def test_a_config_that_cannot_be_read_is_named(tmp_path):
    gone = Checkpoint(reference="x", name="x", config_file=tmp_path / "config.json")
    with pytest.raises(DamagedCheckpoint, match=r"config\.json cannot be read: No such file"):
        load_profile(gone, Settings.from_environment(), trace_costs)


def test_amounts_add_up():
    both = total_amount([Amount(parts=((3, 1, 1), (2, 1, 2))), Amount(parts=((5, 1, 1),))])
    assert both == Amount(parts=((8, 1, 1), (2, 1, 2)))
    assert both.of(2, 10) == 8 * 20 + 2 * 200


def test_a_saved_speed_is_valid_for_one_machine():
    settings = Settings.from_environment()
    speed = Speed(
        machine=machine(settings),
        forward_seconds_per_flop=1e-10,
        keeping_seconds_per_byte=1e-9,
        backward_seconds_per_flop=2e-10,
        optimizer_seconds_per_parameter=1e-8,
    )
    assert load_speed(settings) is None
    save_speed(speed, settings)
    assert load_speed(settings) == speed
    save_speed(speed.model_copy(update={"machine": "another"}), settings)
    assert load_speed(settings) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"machine": 1}', b"half"])
def test_a_damaged_speed_is_measured_again(damage):
    settings = Settings.from_environment()
    speed = Speed(
        machine=machine(settings),
        forward_seconds_per_flop=1e-10,
        keeping_seconds_per_byte=1e-9,
        backward_seconds_per_flop=2e-10,
        optimizer_seconds_per_parameter=1e-8,
    )
    save_speed(speed, settings)
    (file,) = settings.costs.glob("*.json")
    file.write_bytes(file.read_bytes()[:50] if damage == b"half" else damage)
    assert load_speed(settings) is None
    save_speed(speed, settings)
    assert load_speed(settings) == speed


def test_seconds_are_the_sum_of_four_kinds_of_work():
    speed = Speed(
        machine="m",
        forward_seconds_per_flop=1e-9,
        keeping_seconds_per_byte=1e-9,
        backward_seconds_per_flop=1e-9,
        optimizer_seconds_per_parameter=1e-9,
    )
    cost = StepCost(
        batch_size=1,
        max_length=8,
        forward_flops=4_000_000_000,
        backward_flops=2_000_000_000,
        reused_forward_flops=1_000_000_000,
        saved_activation_bytes=1_000_000_000,
        training_mode_bytes=1_000_000_000,
        gradient_bytes=4_000_000_000,
        optimizer_bytes=8_000_000_000,
        weight_bytes=0,
    )
    assert speed.seconds(cost) == pytest.approx(8.0)
    assert speed.seconds(cost, reused=True) == pytest.approx(5.0)


def test_with_dropout_in_frozen_layers_nothing_is_reused_and_their_masks_take_time():
    usual, table, model = cost_of("minilm-l6", "heads-only")
    full, *_ = cost_of("minilm-l6", "full")
    profile = read_profile(shipped_profile("minilm-l6"))
    noisy = step_cost(profile, model, table, 16, 128, frozen_dropout=True)

    assert usual.reused_forward_flops < usual.forward_flops
    assert noisy.reused_forward_flops == noisy.forward_flops == usual.forward_flops
    assert noisy.memory_bytes == usual.memory_bytes
    assert usual.training_mode_bytes == usual.saved_activation_bytes
    assert noisy.training_mode_bytes == pytest.approx(full.training_mode_bytes, rel=1e-2)
    assert reuse_note(noisy, full) == (
        "Dropout is on in frozen layers, so their outputs differ on every step and nothing is "
        "reused."
    )


def test_the_lowest_trainable_tensor_explains_the_memory():
    full, *_ = cost_of("bert-base-uncased", "full")
    cost, table, model = cost_of("bert-base-uncased", "bitfit")
    reason = memory_reason(cost, full, table, model.backbone)
    assert reason.startswith(
        "0.10 % of the parameters are trainable, and the saved activations take 71 % of the memory "
        "they take in full fine-tuning."
    )
    assert "it is in the embeddings, so the gradient passes through 12 of 12 layers" in reason
    assert reuse_note(cost, full) == (
        "There is no frozen part below the lowest trainable tensor, so nothing is reused."
    )


def test_plans_that_train_only_heads_or_nothing_have_their_own_explanation():
    full, *_ = cost_of("bert-base-uncased", "full")
    cost, table, model = cost_of("bert-base-uncased", "heads-only")
    assert "No gradient enters the encoder" in memory_reason(cost, full, table, model.backbone)
    assert "takes 0.002 % of the FLOPs of full fine-tuning instead of 33 %" in reuse_note(
        cost, full
    )
    cost, table, model = cost_of("bert-base-uncased", "frozen")
    assert memory_reason(cost, full, table, model.backbone).startswith("Nothing is trained")


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        *(("bitfit", True), ("layernorm", True), ("bottom-2", True)),
        *(("frozen", False), ("heads-only", False), ("top-3", False), ("embeddings-frozen", False)),
        ("full", False),
    ],
)
def test_a_plan_with_much_memory_for_few_parameters_costs_more_than_its_share(scenario, expected):
    full, *_ = cost_of("minilm-l6", "full")
    cost, table, model = cost_of("minilm-l6", scenario)
    assert costs_more_than_its_share(cost, full, table, model.backbone) is expected


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (0.00002, "0.002 %"), (0.333, "33 %"), (1, "100 %")]
)
def test_shares_are_short(part, text):
    assert share(part, 1) == text


@pytest.mark.parametrize(
    ("size", "text"), [(1_837_500_000, "1,838 MB"), (6_290_000, "6.3 MB"), (0, "0 MB")]
)
def test_sizes_are_short(size, text):
    assert megabytes(size) == text


def test_the_server_path_needs_no_torch():
    rooms = "estimate", "explanation", "profile", "profile_cache", "speed"
    script = (
        "import sys\n"
        + "".join(f"import mtl_core.cost.{room}\n" for room in rooms)
        + "import mtl_core.charts.cost\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"
