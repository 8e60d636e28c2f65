"""Runs whose frozen part is run once for each sentence, beside runs that run it on every step."""

from itertools import chain

import pytest
import torch

from mtl_core.errors import FreezeBroken
from mtl_core.freezing.apply import apply_phase
from mtl_core.models.replay import LayerReplay
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune

SIZES = {
    "albert": {"embedding_size": 16},
    "distilbert": {"hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "modernbert": {"bos_token_id": 1, "cls_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    | {"global_attn_every_n_layers": 3, "local_attention": 8},
    "deberta-v2": {"conv_kernel_size": 3, "conv_act": "gelu", "relative_attention": True}
    | {"position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True}
    | {"pos_att_type": ["p2c", "c2p"]},
    "convbert": {"embedding_size": 32},
    "longformer": {"attention_window": [16] * 4},
}
ENTIRE = ("bert", "distilbert", "mpnet", "deberta-v2", "modernbert", "roformer")
MORE = ("roberta", "electra", "xlm-roberta", "ernie", "megatron-bert")
LAYERS, WIDTH = 4, 32


@pytest.fixture
def other(request, make_checkpoint, bench_of, tiny_data):
    kind = request.param
    values = {"num_hidden_layers": LAYERS, **SIZES.get(kind, {})}
    return bench_of(make_checkpoint(kind, **values), tiny_data)


@pytest.fixture
def store(tmp_path):
    return PrefixStore(tmp_path / "prefixes", 10_000_000)


@pytest.fixture
def deep(make_checkpoint, bench_of, tiny_data):
    return bench_of(make_checkpoint("bert", num_hidden_layers=LAYERS), tiny_data)


def losses(events):
    """Every loss a run tells, of its steps and its evaluations, in order."""
    told = (
        event.loss
        if event.event == "step"
        else {task: score.loss for task, score in event.tasks.items()}
        for event in events
        if event.event in ("step", "evaluation")
    )
    return [loss for each in told for loss in each.values() if loss is not None]


def reuse(events):
    """Of each phase, the lowest layer that ran on every step, or why all did."""
    told = [event.prefix for event in events if event.event == "phase_started"]
    return [each.reason if each.from_layer is None else each.from_layer for each in told]


@pytest.mark.parametrize(
    ("other", "scenario", "from_layer"),
    [
        *((kind, "top-1", LAYERS - 1) for kind in ENTIRE),
        *(pytest.param(kind, "top-1", LAYERS - 1, marks=pytest.mark.long) for kind in MORE),
        ("deberta-v2", "top-3", 1),
        ("albert", "heads-only", 1),  # its layers are one
        ("longformer", "heads-only", LAYERS),
    ],
    indirect=["other"],
)
def test_reuse_changes_no_loss_over_many_steps(other, scenario, from_layer, of):
    spec = other.spec(scenario, epochs=5)

    with_reuse = other.run(spec)
    without = other.run(spec.model_copy(update={"prefix_reuse": False}))

    assert reuse(with_reuse) == [from_layer]
    assert reuse(without) == ["it was switched off for this run"]
    assert len(of(with_reuse, "step")) == 15
    assert losses(with_reuse) == pytest.approx(losses(without), rel=1e-5, abs=0)
    assert of(with_reuse, "run_finished")[0].frozen_identical is True


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ("convbert", "'convbert' mixes padding into the states of a sentence"),
        ("longformer", "see more tokens than a sentence has"),
    ],
    indirect=["other"],
)
def test_an_architecture_whose_layers_cannot_be_left_alone_runs_whole_and_says_so(other, reason):
    spec = other.spec("top-1")

    with_reuse = other.run(spec)

    assert reason in reuse(with_reuse)[0]
    assert losses(with_reuse) == losses(other.run(spec.model_copy(update={"prefix_reuse": False})))


@pytest.mark.parametrize("other", ["convbert"], indirect=True)
def test_that_layers_cannot_be_left_alone_is_found_out_before_all_sentences_are_run(other):
    loaded = load_run(other.spec("top-1"))
    apply_phase(loaded.tables[0], loaded.model)
    batches = []

    told = ReusedPrefix(loaded, None, lambda: batches.append("one more")).enter(loaded.tables[0])

    assert "'convbert' mixes padding into the states of a sentence" in told.reason
    assert batches == []


def test_what_is_frozen_is_identical_in_the_file_too(deep, tmp_path, moved, written, store):
    spec = deep.spec("top-1")
    (table,) = deep.tables(spec.plan)
    learns = {row.name for row in table.rows if row.learning_rate is not None}
    start = deep.start()

    events = list(fine_tune(spec, "a run", tmp_path / "output", prefixes=store))

    assert reuse(events) == [LAYERS - 1]
    assert moved(start, written(tmp_path / "output")) == learns


def test_a_warm_run_has_the_events_of_the_cold_one_to_the_bit(deep, store, tmp_path, without_times):
    spec = deep.spec("top-1", epochs=3)

    cold = list(fine_tune(spec, "a run", prefixes=store))
    kept = {file: file.stat().st_ino for file in (tmp_path / "prefixes").iterdir()}
    warm = list(fine_tune(spec, "a run", prefixes=store))
    in_memory = list(fine_tune(spec, "a run"))

    assert len(kept) == 1
    assert {file: file.stat().st_ino for file in (tmp_path / "prefixes").iterdir()} == kept
    assert [without_times(each) for each in warm] == [without_times(each) for each in cold]
    assert [without_times(each) for each in in_memory] == [without_times(each) for each in cold]


def test_one_entry_serves_every_seed_and_scenario_of_that_depth(deep, store, tmp_path):
    for spec in (deep.spec("top-1"), deep.spec("top-1", seed=7), deep.spec("top-1", batch_size=6)):
        list(fine_tune(spec, "a run", prefixes=store))

    assert len(list((tmp_path / "prefixes").iterdir())) == 1


@pytest.mark.parametrize("damage", ["cut", "bit", "other numbers"])
def test_a_damaged_entry_is_made_again(deep, store, tmp_path, damage, without_times):
    spec = deep.spec("heads-only")
    cold = list(fine_tune(spec, "a run", prefixes=store))
    (file,) = (tmp_path / "prefixes").iterdir()
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "bit":
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:  # well signed, and not what this checkpoint gives
        tokens = (len(whole) - 8 - int.from_bytes(whole[:8], "little")) // (WIDTH * 4)
        with store.writing(file.stem, (tokens, WIDTH)) as draft:
            draft.append(torch.zeros(tokens, WIDTH))

    again = list(fine_tune(spec, "a run", prefixes=store))

    assert file.read_bytes() == whole
    assert [without_times(each) for each in again] == [without_times(each) for each in cold]


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(deep, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")

    events = list(
        fine_tune(deep.spec("top-1"), "a run", prefixes=PrefixStore(tmp_path / "file", 9**9))
    )

    assert reuse(events) == [LAYERS - 1]
    assert "cannot be stored" in caplog.text


def test_what_has_no_room_on_disk_is_held_in_memory_and_else_not_reused(deep, tmp_path):
    loaded = load_run(deep.spec("top-1"))
    (table,) = loaded.tables
    apply_phase(table, loaded.model)
    small = PrefixStore(tmp_path / "prefixes", 100)

    held = ReusedPrefix(loaded, small).enter(table)
    tight = PrefixStore(tmp_path / "prefixes", 100, memory_bytes=held.stored_bytes - 1)
    neither = ReusedPrefix(loaded, tight).enter(table)

    assert (held.from_layer, neither.from_layer) == (LAYERS - 1, None)
    assert "fit neither on disk" in neither.reason
    assert not (tmp_path / "prefixes").exists()


def test_what_has_no_room_in_memory_is_read_from_disk_to_the_same_end(
    deep, tmp_path, without_times
):
    spec = deep.spec("chain-thaw", epochs=12)  # later phases need outputs of their own
    folder = tmp_path / "prefixes"

    mapped = list(fine_tune(spec, "a run", prefixes=PrefixStore(folder, 10**7, memory_bytes=0)))
    held = list(fine_tune(spec, "a run"))

    assert 1 in reuse(mapped)
    assert [without_times(each) for each in mapped] == [without_times(each) for each in held]
    assert [file.suffix for file in folder.iterdir()] == [".safetensors"]


def test_heads_alone_store_the_first_token_of_a_sentence_without_tags(deep, store):
    loaded = load_run(deep.spec("heads-only"))
    apply_phase(loaded.tables[0], loaded.model)
    examples = (*loaded.training, *loaded.validation.examples)
    tagged = {each.input_ids for each in examples if "ner" in each.labels}
    others = {each.input_ids for each in examples} - tagged

    told = ReusedPrefix(loaded, store).enter(loaded.tables[0])

    assert others
    assert told.stored_bytes == (len(others) + sum(map(len, tagged))) * WIDTH * 4


def test_a_run_is_stopped_while_frozen_layers_are_run(deep, store, tmp_path, of):
    events = list(fine_tune(deep.spec("top-1"), "a run", None, lambda: True, prefixes=store))

    assert [event.event for event in events] == ["run_started", "run_stopped"]
    assert list((tmp_path / "prefixes").iterdir()) == []


def test_each_phase_of_gradual_starts_from_its_own_layer(deep, of):
    spec = deep.spec("gradual", epochs=8)

    with_reuse = deep.run(spec)

    assert reuse(with_reuse) == [4, 3, 2, 1]
    without = deep.run(spec.model_copy(update={"prefix_reuse": False}))
    assert losses(with_reuse) == pytest.approx(losses(without), rel=1e-5, abs=0)


def test_probing_reuses_all_and_fine_tuning_after_it_nothing(deep):
    spec = deep.spec("lp-ft", epochs=4)

    with_reuse = deep.run(spec)

    assert reuse(with_reuse) == [4, "a tensor in or below the lowest layer is trained"]
    without = deep.run(spec.model_copy(update={"prefix_reuse": False}))
    assert losses(with_reuse) == pytest.approx(losses(without), rel=1e-5, abs=0)


def test_a_layer_above_a_trained_one_starts_from_new_outputs(deep, store, tmp_path):
    spec = deep.spec("chain-thaw", epochs=12)  # heads, then each layer alone from the bottom up

    with_reuse = list(fine_tune(spec, "a run", prefixes=store))

    whole = "a tensor in or below the lowest layer is trained"
    assert reuse(with_reuse) == [4, whole, whole, 1, 2, 3, whole][: len(spec.plan.phases)]
    assert len(list((tmp_path / "prefixes").iterdir())) == 1  # the checkpoint's own alone
    without = deep.run(spec.model_copy(update={"prefix_reuse": False}))
    assert losses(with_reuse) == pytest.approx(losses(without), rel=1e-5, abs=0)


def test_dropout_below_the_boundary_keeps_the_whole_model_running(deep, monkeypatch):
    """As in encoders that drop out in the body of their own forward."""
    spec = deep.spec("top-1")
    loaded = load_run(spec)
    encoder = loaded.model.backbone.encoder
    whole = type(encoder).forward
    monkeypatch.setattr(
        encoder,
        "forward",
        lambda hidden, *args, **kwargs: whole(
            encoder, torch.dropout(hidden, 0.1, encoder.training), *args, **kwargs
        ),
    )
    apply_phase(loaded.tables[0], loaded.model)

    reason = ReusedPrefix(loaded, None).enter(loaded.tables[0]).reason

    assert "from layer 3 alone this architecture gives other outputs" in reason


def test_a_spec_of_an_earlier_version_is_read_and_reuses(deep):
    spec = deep.spec("top-1")
    earlier = spec.model_dump(mode="json", exclude={"prefix_reuse"})

    assert type(spec).model_validate(earlier) == spec
    assert spec.prefix_reuse is True


def test_a_layer_that_moves_below_the_boundary_breaks_the_run(deep):
    loaded = load_run(deep.spec("top-1"))
    reused = ReusedPrefix(loaded, None)
    apply_phase(loaded.tables[0], loaded.model)
    assert reused.enter(loaded.tables[0]).from_layer == LAYERS - 1
    reused.verify()

    with torch.no_grad():
        loaded.model.backbone.encoder.layer[0].output.dense.bias[0] += 1e-3

    with pytest.raises(FreezeBroken, match="differ from those stored"):
        reused.verify()


def test_frozen_layers_are_not_run_during_a_phase(deep):
    loaded = load_run(deep.spec("top-1"))
    backbone = loaded.model.backbone
    reused = ReusedPrefix(loaded, None)
    apply_phase(loaded.tables[0], loaded.model)
    reused.enter(loaded.tables[0])
    ran = []
    parts = {"embeddings": backbone.embeddings.word_embeddings} | {
        f"layer {n}": layer.output.dense for n, layer in enumerate(backbone.encoder.layer)
    }
    for name, part in parts.items():
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
    ids = torch.tensor([loaded.training[0].input_ids])

    reused.hidden(ids, torch.ones_like(ids))

    assert ran == ["layer 3"]


def test_reuse_leaves_names_and_modules_as_they_were(deep):
    model = load_run(deep.spec("top-1")).model
    names = [name for name, _ in chain(model.named_parameters(), model.named_modules())]
    forwards = [vars(module).get("forward") for module in model.modules()]
    replay = LayerReplay(model.backbone)
    ids = torch.tensor([[2, 5, 11, 3]])
    mask = torch.ones_like(ids)

    replay.resume(2, replay.capture([2], ids, mask)[2], ids, mask)

    assert [name for name, _ in chain(model.named_parameters(), model.named_modules())] == names
    assert [vars(module).get("forward") for module in model.modules()] == forwards
