"""A run on an encoder that was never pretrained: drawn from the seed, frozen as it was drawn."""

import shutil

import pytest
import torch

from mtl_core.errors import InvalidRun
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.load import init_backbone
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune


@pytest.fixture
def load(bench):
    def loaded(**values):
        return load_run(bench.spec("heads-only", random_backbone=True, **values))

    return loaded


def backbone(loaded):
    return {n: p for n, p in loaded.model.named_parameters() if n.startswith("bert.")}


def test_every_matrix_is_drawn_as_bert_initialises_it_and_none_is_the_checkpoints(load, bench):
    drawn, trained = backbone(load()), bench.start()

    matrices = [n for n, p in drawn.items() if p.dim() == 2]
    assert not [name for name in matrices if torch.equal(drawn[name], trained[name])]
    assert all(abs(drawn[name].std().item() - 0.02) < 0.004 for name in matrices)
    assert all(not p.any() for n, p in drawn.items() if n.endswith(".bias"))


def test_the_same_seed_draws_the_same_encoder_and_another_seed_another(load, moved):
    first, again, other = (load(seed=seed) for seed in (3, 3, 4))

    assert moved(backbone(first), backbone(again)) == set()
    assert first.spec.weights_digest == again.spec.weights_digest
    assert "bert.encoder.layer.0.output.dense.weight" in moved(backbone(first), backbone(other))
    assert first.spec.weights_digest != other.spec.weights_digest


def test_the_heads_are_those_of_the_same_seed_on_the_pretrained_encoder(load, bench):
    heads = bench.model(seed=3)

    assert torch.equal(load(seed=3).model.ner.weight, heads.ner.weight)


def test_torchs_own_random_stream_is_left_as_it_was(bench, global_random_state):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    init_backbone(resolve_checkpoint(str(bench.checkpoint), ANY_FILE), 5)

    assert torch.equal(torch.rand(3), expected)


def test_the_weights_need_not_be_here(bench, tmp_path, of):
    bare = tmp_path / "bare"
    shutil.copytree(bench.checkpoint, bare)
    (bare / "model.safetensors").unlink()
    spec = bench.spec("heads-only", random_backbone=True)

    here, there = (
        bench.run(spec.model_copy(update={"checkpoint": str(each)}))
        for each in (bench.checkpoint, bare)
    )

    assert of(here, "run_finished")[0].metrics == of(there, "run_finished")[0].metrics


def test_what_is_frozen_is_written_as_it_was_drawn(bench, tmp_path, load, moved, written, of):
    folder = tmp_path / "output"
    events = bench.run(bench.spec("top-1", random_backbone=True), folder)

    still = set(backbone(load())) - moved(backbone(load()), written(folder))
    assert {name for name in still if name.startswith("bert.encoder.layer.0.")}
    assert of(events, "run_finished")[0].frozen_tensors == len(still)


def test_stored_outputs_of_the_real_checkpoint_are_never_taken_for_those_of_the_random_one(
    bench, tmp_path, without_times
):
    store = PrefixStore(tmp_path / "prefixes", 10**9)
    told = {}
    for kept in (None, store):
        for random in (False, True):
            spec = bench.spec("heads-only", random_backbone=random, epochs=2)
            events = fine_tune(spec, "a run", prefixes=kept)
            told[kept is None, random] = [without_times(event) for event in events]

    assert told[True, True] == told[False, True]
    assert told[True, False] == told[False, False]
    assert len(list((tmp_path / "prefixes").iterdir())) == 2


def test_a_spec_that_was_run_on_random_weights_is_refused_on_another_seed(load):
    ran = load(seed=1).spec

    assert load_run(ran).spec == ran
    with pytest.raises(InvalidRun, match=r"requires other weights of '.*' \([0-9a-f]{64}\)"):
        load_run(ran.model_copy(update={"seed": 2}))
