"""Shared fixtures: a tiny real checkpoint on disk, and a store that is nobody's own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("the", "a", "was", "is", "and", "not", "very", "good", "bad", "great", "awful", "food"),
    *(
        "film",
        "hotel",
        "anna",
        "ben",
        "oslo",
        "rome",
        "acme",
        "in",
        "at",
        "by",
        "said",
        ".",
        ",",
        "##s",
    ),
]


class ByFile(LoadScopeScheduling):
    """Sends the tests of a file to one worker, and all browser tests to the same one.

    Otherwise each worker prepares the fixtures of a module again. A browser test waits most of the
    time, so it costs least beside tests that compute.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith("tests/browser/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Distribute by file. xdist's own `loadgroup` has no effect with pytest 9.2."""
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing a test does reaches the user's own runs, and no test reaches a hub."""
    monkeypatch.setenv("FREEZE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FREEZE_LAB_THREADS", "1")
    monkeypatch.setenv("FREEZE_LAB_PARALLEL_RUNS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a 2-layer, 32-wide BERT, its weights and its fast tokenizer."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-bert"
    write_bert(folder, layers=2, width=32, positions=64)
    return folder


def write_bert(folder: Path, *, layers: int, width: int, positions: int) -> None:
    """A BERT with two attention heads, always the same weights, and a tokenizer over WORDS."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=positions,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    write_tokenizer(folder)


def write_tokenizer(folder: Path) -> None:
    """A word-piece tokenizer over WORDS, as files that AutoTokenizer loads."""
    from transformers import BertTokenizerFast

    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with a dozen sentences for each of two tasks."""
    folder = tmp_path_factory.mktemp("data")
    good = ["the food was good", "a great film", "the hotel is very good", "great food and film"]
    bad = ["the food was bad", "an awful film", "the hotel is not good", "awful food and film"]
    rows = [
        f"{text},{label}"
        for label, texts in (("positive", good), ("negative", bad))
        for text in texts
    ]
    for split in ("train", "dev"):
        lines = ["text,label", *rows[:: 1 if split == "train" else 2]]
        (folder / f"reviews.{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sentences = [
        [("anna", "B-PER"), ("was", "O"), ("in", "O"), ("oslo", "B-LOC"), (".", "O")],
        [("acme", "B-ORG"), ("is", "O"), ("bad", "O")],
        [("ben", "B-PER"), ("said", "O"), ("rome", "B-LOC"), ("is", "O"), ("great", "O")],
        [("the", "O"), ("food", "O"), ("by", "O"), ("acme", "B-ORG")],
    ]
    text = "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in each) for each in sentences)
    for split in ("train", "dev"):
        (folder / f"entities.{split}.conll").write_text(text + "\n", encoding="utf-8")
    manifest = {
        "tasks": {
            "sentiment": {
                "kind": "sentence",
                "head": "classifier",
                "train": "reviews.train.csv",
                "validation": "reviews.dev.csv",
            },
            "ner": {
                "kind": "token",
                "head": "ner",
                "train": "entities.train.conll",
                "validation": "entities.dev.conll",
            },
        }
    }
    path = folder / "manifest.yaml"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


@pytest.fixture
def global_random_state() -> Iterator[None]:
    """Give torch's global generator back as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield
