"""The small sample: a part of the sample, for runs of a few seconds."""

from collections import Counter

from mtl_core.file_access import NO_FILE
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_SMALL, load_dataset


def test_its_sentences_and_labels_are_those_of_the_sample() -> None:
    small, sample = (load_dataset(name, NO_FILE) for name in (SAMPLE_SMALL, SAMPLE))
    assert small.tasks == sample.tasks
    assert small.counts() == {
        "sentiment": {"train": 120, "validation": 60},
        "ner": {"train": 120, "validation": 60},
    }
    for split in ("train", "validation"):
        known = [(each.text, each.words, dict(each.labels)) for each in sample.splits[split]]
        assert all(
            (each.text, each.words, dict(each.labels)) in known for each in small.splits[split]
        )
        labels = Counter(
            each.labels["sentiment"] for each in small.splits[split] if "sentiment" in each.labels
        )
        assert len(set(labels.values())) == 1
