"""What the other runs of a comparison will read, kept by the pass that one of them makes."""

import pytest

from mtl_core.freezing.apply import apply_phase
from mtl_core.training.loaded_run import load_setting
from mtl_core.training.prefix.comparison_depths import depths_beside
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore

LAYERS = 4


@pytest.fixture
def deep(make_checkpoint, bench_of, tiny_data):
    return bench_of(make_checkpoint("bert", num_hidden_layers=LAYERS), tiny_data)


def changed(spec, **values):
    return spec.model_copy(update=values)


def test_the_depths_are_those_that_other_plans_will_read_of_the_same_sentences(deep):
    setting = load_setting(deep.spec("heads-only"))
    gradual = deep.spec("gradual", epochs=6)

    assert depths_beside(setting, [deep.spec("top-1"), deep.spec("full")]) == {3}
    assert depths_beside(setting, [gradual, deep.spec("top-1", seed=7)]) == {4, 3, 2, 1}
    assert depths_beside(setting, []) == frozenset()


@pytest.mark.parametrize(
    "values",
    [
        {"data": "sample"},
        {"examples": {"ner": 5}},
        {"max_length": 16},
        {"prefix_reuse": False},
        {"random_backbone": True},
        {"starts_from": "another-run"},
    ],
)
def test_a_run_on_other_sentences_or_weights_reads_nothing_of_this_one(deep, values):
    setting = load_setting(deep.spec("heads-only"))

    assert depths_beside(setting, [changed(deep.spec("top-1"), **values)]) == frozenset()


def test_a_run_that_will_be_refused_reads_nothing(deep):
    setting = load_setting(deep.spec("heads-only"))

    assert depths_beside(setting, [deep.spec("gradual", epochs=0.1)]) == frozenset()


def test_one_pass_keeps_for_all_and_the_others_make_none(deep, tmp_path):
    store = PrefixStore(tmp_path / "prefixes", 10_000_000)
    top, heads = deep.spec("top-1"), deep.spec("heads-only")
    passes = []

    def enter(spec, beside):
        setting, batches = load_setting(spec), []
        apply_phase(setting.tables[0], setting.model)
        reused = ReusedPrefix(setting, store, lambda: batches.append("one more"), beside)
        told = reused.enter(setting.tables[0])
        passes.append(len(batches))
        return told.from_layer

    assert enter(heads, [top, deep.spec("full")]) == LAYERS
    assert enter(top, [deep.spec("full")]) == LAYERS - 1
    assert passes[0] > 0
    assert passes[1] == 0


def test_without_room_for_the_others_a_run_keeps_its_own(deep, tmp_path):
    setting = load_setting(deep.spec("top-1"))
    apply_phase(setting.tables[0], setting.model)
    tokens = sum(len(each.input_ids) for each in (*setting.training, *setting.validation.examples))
    store = PrefixStore(tmp_path / "prefixes", tokens * 32 * 4 + 1_000)

    told = ReusedPrefix(setting, store, beside=[deep.spec("top-2")]).enter(setting.tables[0])

    assert told.from_layer == LAYERS - 1
    assert len(list((tmp_path / "prefixes").iterdir())) == 1
