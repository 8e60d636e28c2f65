"""Wrong labels on purpose: how many, which, and that validation keeps its own."""

import pytest

from mtl_core.errors import InvalidRun
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import repairs, spans
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.label_noise import with_label_noise
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prepare import prepare_spec


@pytest.fixture(scope="module")
def sample():
    return load_dataset("sample", ANY_FILE)


def labels(dataset, task, split="train"):
    return [e.labels[task] for e in getattr(dataset, split) if task in e.labels]


def changed(before, after, task):
    pairs = zip(labels(before, task), labels(after, task), strict=True)
    return {place for place, (was, now) in enumerate(pairs) if was != now}


def noisy(dataset, task, share, seed=0):
    return with_label_noise(dataset, {task: share}, seed)[0]


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.1, 40), (0.3, 120), (1.0, 400)])
def test_exactly_the_share_of_the_sentences_gets_another_class(sample, share, count):
    assert len(changed(sample, noisy(sample, "sentiment", share), "sentiment")) == count


@pytest.mark.parametrize("task", ["sentiment", "ner"])
def test_labels_changed_at_a_tenth_are_changed_equally_at_three_tenths(sample, task):
    less, more = (noisy(sample, task, share) for share in (0.1, 0.3))

    at_less, at_more = changed(sample, less, task), changed(sample, more, task)
    assert at_less < at_more
    assert all(labels(less, task)[n] == labels(more, task)[n] for n in at_less)


def test_another_seed_disturbs_other_sentences_and_the_same_seed_the_same(sample):
    first, again, other = (noisy(sample, "sentiment", 0.3, seed) for seed in (1, 1, 2))

    assert first == again
    assert changed(sample, first, "sentiment") != changed(sample, other, "sentiment")


def test_validation_and_the_other_task_keep_every_label(sample):
    after = noisy(sample, "sentiment", 1.0)

    assert after.validation == sample.validation
    assert labels(after, "ner") == labels(sample, "ner")
    assert after.digests == sample.digests


def test_every_entity_of_a_disturbed_sentence_is_wrong_and_no_entity_is_made_up(sample):
    after = noisy(sample, "ner", 1.0)

    dropped = replaced = 0
    for was, now in zip(labels(sample, "ner"), labels(after, "ner"), strict=True):
        assert len(was) == len(now)
        for old, new in zip(was, now, strict=True):
            assert (old == "O") <= (new == "O")
            assert old == "O" or new != old
            dropped += old != "O" and new == "O"
            replaced += old != "O" and new != "O"
    assert dropped
    assert replaced > dropped  # two other types against one way to be dropped


BIO = Task(
    name="ner",
    kind=TaskKind.TOKEN,
    head="ner",
    outputs=("O", "B-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"),
)


def bio_data():
    tags = ("B-PER", "I-PER", "B-LOC", "O", "B-ORG", "I-ORG", "I-ORG")
    words = [(f"w{n}", "x", "y", "z", "a", "b", "c") for n in range(60)]
    train = tuple(Example(None, each, {"ner": tags}) for each in words)
    return Dataset("here", (BIO,), train, train, {}, {"ner": 0})


def test_tags_with_a_beginning_stay_valid_and_only_tags_of_the_head_are_given():
    after = noisy(bio_data(), "ner", 1.0)

    told = labels(after, "ner")
    assert all(repairs(tags) == 0 for tags in told)
    assert {tag for tags in told for tag in tags} <= set(BIO.outputs)  # no I-LOC: of one word only
    assert {spans(tags)[0][:2] for tags in told if tags[0] != "O"} == {(0, 2)}
    assert {tags[:2] for tags in told} == {("O", "O"), ("B-ORG", "I-ORG")}
    assert {tags[2] for tags in told} == {"O", "B-ORG", "B-PER"}


def test_the_share_of_a_token_task_is_of_the_sentences_that_hold_an_entity(
    write_data, bench, notes_of
):
    rows = [("good food", "positive"), ("bad food", "negative")]
    tagged = ["anna/B-PER said/O", "the/O food/O", "in/O rome/B-LOC", "by/O the/O film/O"]
    data = str(write_data(rows, tagged))

    loaded = load_run(bench.spec("full", data=data, label_noise={"ner": 0.5}))

    assert notes_of(loaded) == (
        "Label noise: 1 of the 2 with an entity, of 4 training sentences of ner have wrong "
        "labels, drawn from the seed.",
    )
    plain = load_run(bench.spec("full", data=data))
    assert notes_of(plain) == ()
    assert plain.validation == loaded.validation
    pairs = zip(plain.training, loaded.training, strict=True)
    assert sum(old.labels != new.labels for old, new in pairs) == 1


def test_a_run_learns_from_the_wrong_labels_and_is_scored_on_the_right_ones(bench, of, notes_of):
    right, wrong = (
        bench.run(bench.spec("full", label_noise=noise)) for noise in ({}, {"sentiment": 1.0})
    )

    assert notes_of(of(wrong, "run_started")[0]) == (
        "Label noise: 8 of 8 training sentences of sentiment have wrong labels, drawn from the "
        "seed.",
    )
    assert of(wrong, "evaluation")[0].tasks == of(right, "evaluation")[0].tasks
    first = [of(events, "step")[0].loss for events in (right, wrong)]
    assert first[0]["sentiment"] != first[1]["sentiment"]
    assert first[0]["ner"] == first[1]["ner"]


def test_noise_on_a_task_that_does_not_exist_is_refused(bench, sample):
    with pytest.raises(InvalidRun, match=r"for 'nerr': there is no such task\. Nearest: 'ner'"):
        with_label_noise(sample, {"nerr": 0.1}, 0)
    with pytest.raises(InvalidRun, match=r"for 'nerr': there is no such task\. Nearest: 'ner'"):
        prepare(bench, {"nerr": 0.1})


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (1.5, r"^--label-noise-ner 1\.5: input should be less than or equal to 1\.$"),
        (-0.1, r"^--label-noise-ner -0\.1: input should be greater than or equal to 0\.$"),
        (float("nan"), r"^--label-noise-ner nan: "),
    ],
)
def test_a_share_beyond_none_and_all_is_refused(bench, share, message):
    with pytest.raises(InvalidRun, match=message):
        prepare(bench, {"ner": share})


def prepare(bench, noise):
    plan = bench.scenario("full")
    return prepare_spec(
        bench.description,
        plan,
        checkpoint="x",
        scenario="full",
        data="sample",
        max_length=32,
        label_noise=noise,
    )
