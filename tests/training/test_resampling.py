"""Training sentences drawn anew for each seed."""

from collections import Counter

import pytest

from mtl_core.report.run_words import unusual_words
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.plan import depths_read_by
from tests.run_story import spec_of


def words(loaded, task):
    """The training sentences of a task, in order."""
    own = [each for each in loaded.dataset.train if task in each.labels]
    return [each.text or each.words for each in own]


def sample(seed, **values):
    return load_run(spec_of("heads-only", seed=seed, **{"resample": True, **values}))


@pytest.fixture(scope="module")
def drawn():
    return [sample(seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def fixed():
    return sample(0, resample=False)


@pytest.mark.parametrize("task", ["sentiment", "ner"])
def test_without_a_limit_as_many_sentences_are_drawn_with_replacement(drawn, fixed, task):
    every = set(words(fixed, task))

    for loaded in drawn:
        found = Counter(words(loaded, task))
        assert found.total() == len(words(fixed, task)) == 400
        assert set(found) < every
        assert 0.58 < len(found) / len(every) < 0.69  # 63 % expected
        assert max(found.values()) > 2
    assert words(drawn[0], task) != words(drawn[1], task)


def test_the_validation_and_test_sentences_are_those_of_every_run(drawn, fixed):
    for loaded in drawn:
        assert loaded.dataset.validation == fixed.dataset.validation
        assert loaded.dataset.test == fixed.dataset.test
        assert loaded.counts() == fixed.counts()
        assert loaded.steps == fixed.steps


def test_with_a_limit_each_seed_gets_another_subset_without_repeats(fixed):
    limits = {"sentiment": 50, "ner": 40}
    first, again, other = (sample(seed, examples=limits) for seed in (0, 0, 1))
    usual = sample(0, resample=False, examples=limits)

    for task, number in limits.items():
        assert len(set(words(first, task))) == len(words(first, task)) == number
        assert words(first, task) == words(again, task)
        assert set(words(first, task)) < set(words(fixed, task))
        overlap = set(words(first, task)) & set(words(other, task))
        assert len(overlap) < number / 2
        assert set(words(first, task)) != set(words(usual, task))


def test_a_task_without_a_limit_is_drawn_with_replacement_beside_one_with_a_limit(fixed):
    loaded = sample(0, examples={"ner": 40})

    assert len(set(words(loaded, "ner"))) == 40
    assert len(words(loaded, "sentiment")) == 400
    assert len(set(words(loaded, "sentiment"))) < 300


def test_smaller_subsets_of_a_seed_are_in_its_larger_ones():
    small, large = (sample(3, examples={"sentiment": n}) for n in (20, 100))

    assert set(words(small, "sentiment")) < set(words(large, "sentiment"))


def test_the_run_and_its_facts_state_it(bench, of):
    spec = bench.spec("full", resample=True, examples={"ner": 3})
    started = of(bench.run(spec), "run_started")[0]

    (note,) = [each for each in started.notes if "drawn" in each]
    assert note.startswith("Training sentences drawn from the seed: 8 of sentiment (")
    assert note.endswith(" different) and 3 of ner (without repeats).")
    assert started.spec.resample
    assert unusual_words(started.spec) == ["training sentences drawn for each seed"]


def test_all_plans_of_a_seed_read_the_same_sentences(bench):
    one, other = (
        load_run(bench.spec(scenario, resample=True, seed=4)) for scenario in ("full", "top-1")
    )

    assert one.dataset.train == other.dataset.train


def test_only_runs_of_the_same_seed_share_stored_outputs(bench):
    loaded = load_run(bench.spec("heads-only", resample=True, seed=1))

    same, other = (bench.spec("top-1", resample=True, seed=seed) for seed in (1, 2))
    assert depths_read_by([same], loaded) == {1}
    assert depths_read_by([other], loaded) == frozenset()
