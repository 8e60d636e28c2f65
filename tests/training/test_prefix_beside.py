"""One pass stores the outputs that all runs of a comparison will read."""

import shutil
from contextlib import ExitStack

import pytest

from mtl_core.freezing.apply import apply_phase
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.plan import depths_read_by
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore

LAYERS = 4


@pytest.fixture
def deep(make_checkpoint, bench_of, tiny_data):
    return bench_of(make_checkpoint("bert", num_hidden_layers=LAYERS), tiny_data)


def changed(spec, **values):
    return spec.model_copy(update=values)


def test_the_depths_are_those_that_other_plans_will_read_of_the_same_sentences(deep):
    loaded = load_run(deep.spec("heads-only"))
    gradual = deep.spec("gradual", epochs=6)

    assert depths_read_by([deep.spec("top-1"), deep.spec("full")], loaded) == {3}
    assert depths_read_by([gradual, deep.spec("top-1", seed=7)], loaded) == {4, 3, 2, 1}
    assert depths_read_by([], loaded) == frozenset()


@pytest.mark.parametrize(
    "values",
    [
        {"data": "sample"},
        {"examples": {"ner": 5}},
        {"resample": True},
        {"max_length": 16},
        {"prefix_reuse": False},
        {"random_backbone": True},
        {"starts_from": "another-run"},
    ],
)
def test_a_run_on_other_sentences_or_weights_reads_nothing_of_this_one(deep, values):
    loaded = load_run(deep.spec("heads-only"))

    assert depths_read_by([changed(deep.spec("top-1"), **values)], loaded) == frozenset()


def test_a_run_that_will_be_refused_reads_nothing(deep):
    loaded = load_run(deep.spec("heads-only"))

    assert depths_read_by([deep.spec("gradual", epochs=0.1)], loaded) == frozenset()


def test_one_pass_keeps_for_all_and_the_others_make_none(deep, tmp_path):
    store = PrefixStore(tmp_path / "prefixes", 10_000_000)
    top, heads = deep.spec("top-1"), deep.spec("heads-only")
    passes = []

    def enter(spec, other_runs):
        loaded, batches = load_run(spec), []
        apply_phase(loaded.tables[0], loaded.model)
        reused = ReusedPrefix(loaded, store, lambda: batches.append("one more"), other_runs)
        told = reused.enter(loaded.tables[0])
        passes.append(len(batches))
        return told.from_layer

    assert enter(heads, [top, deep.spec("full")]) == LAYERS
    assert enter(top, [deep.spec("full")]) == LAYERS - 1
    assert passes[0] > 0
    assert passes[1] == 0


def test_without_room_for_the_others_a_run_keeps_its_own(deep, tmp_path):
    loaded = load_run(deep.spec("top-1"))
    apply_phase(loaded.tables[0], loaded.model)
    tokens = sum(len(each.input_ids) for each in (*loaded.training, *loaded.validation.examples))
    store = PrefixStore(tmp_path / "prefixes", tokens * 32 * 4 + 1_000)

    told = ReusedPrefix(loaded, store, other_runs=[deep.spec("top-2")]).enter(loaded.tables[0])

    assert told.from_layer == LAYERS - 1
    assert len(list((tmp_path / "prefixes").iterdir())) == 1


def test_outputs_that_another_process_is_computing_are_awaited_and_read(deep, tmp_path):
    loaded = load_run(deep.spec("heads-only"))
    apply_phase(loaded.tables[0], loaded.model)
    ready, store = (PrefixStore(tmp_path / name, 10_000_000) for name in ("ready", "prefixes"))
    ReusedPrefix(loaded, ready).enter(loaded.tables[0])
    (entry,) = (tmp_path / "ready").iterdir()
    calls = []

    with ExitStack() as other_process:
        other_process.enter_context(store.computing([entry.stem]))

        def finish_the_other():
            calls.append("while waiting")
            shutil.copy(entry, tmp_path / "prefixes")
            other_process.close()

        told = ReusedPrefix(loaded, store, finish_the_other).enter(loaded.tables[0])

    assert told.from_layer == LAYERS
    assert calls == ["while waiting"]
    assert [file.name for file in (tmp_path / "prefixes").iterdir()] == [entry.name]
