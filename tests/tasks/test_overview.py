import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.tasks.alignment import encode
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.lengths import SubWordCounter, WordCounter, counter_for
from mtl_core.tasks.overview import overview
from mtl_core.tasks.schemes import Span

WriteData = Callable[[dict[str, str | bytes]], Path]


def test_labels_entities_and_words_are_counted_by_split(write_data: WriteData) -> None:
    found = overview(load_dataset(str(write_data({})), ANY_FILE), WordCounter())
    sentiment, ner = found.tasks
    assert sentiment.examples == {"train": 3, "validation": 1}
    assert sentiment.labels == {
        "train": {"positive": 2, "negative": 1},
        "validation": {"positive": 1, "negative": 0},
    }
    assert ner.labels["train"] == {"PER": 1, "LOC": 1}
    assert ner.labels["validation"] == {"PER": 1, "LOC": 0}
    assert (ner.words_inside, ner.words) == (3, 7)
    assert (found.unit, sentiment.longest, ner.longest) == ("words", 3, 3)
    assert sorted(found.digests) == ["a.dev.csv", "a.train.csv", "b.dev.conll", "b.train.conll"]


def test_examples_with_entities_are_shown_before_others(write_data: WriteData) -> None:
    found = overview(load_dataset(str(write_data({})), ANY_FILE), WordCounter())
    (shown,) = found.tasks[1].shown
    assert shown.words == ("Ann", "saw", "Paris")
    assert shown.entities == (Span(0, 1, "PER"), Span(2, 3, "LOC"))
    assert [each.label for each in found.tasks[0].shown] == ["positive", "negative", "positive"]


def test_tags_that_were_repaired_are_counted(write_data: WriteData) -> None:
    train = "Ann\tI-PER\nsaw\tO\nRome\tB-LOC\n"
    data = write_data({"b.train.conll": train, "b.dev.conll": "Ann\tB-PER\n"})
    assert overview(load_dataset(str(data), ANY_FILE), WordCounter()).tasks[1].repaired_tags == 1


@pytest.mark.parametrize("max_length", [8, 9, 12, 16, 23, 128])
def test_lengths_and_lost_entities_are_those_of_training(max_length: int) -> None:
    from mtl_core.models.load import load_tokenizer

    checkpoint, dataset = (
        resolve_checkpoint("minilm-l6", ANY_FILE),
        load_dataset("sample", ANY_FILE),
    )
    encoded = encode(dataset.train, dataset.tasks, load_tokenizer(checkpoint), max_length)
    found = overview(dataset, counter_for(checkpoint.folder))
    ner = found.tasks[1].lengths["train"]
    assert ner.entities_lost(max_length) == encoded.entities_lost["ner"]
    longest = max(task.lengths["train"].longest for task in found.tasks)
    assert min(longest, max_length) == encoded.longest


def test_nothing_is_cut_off_at_the_longest_and_one_sentence_just_below(
    tiny_checkpoint: Path,
) -> None:
    found = overview(
        load_dataset("sample", ANY_FILE), SubWordCounter(tiny_checkpoint / "tokenizer.json")
    )
    task = found.tasks[0]
    assert found.unit == "sub-words"
    assert task.cut_off(task.longest) == 0
    assert task.cut_off(task.longest - 1) >= 1


def test_a_repeated_sentence_of_two_tasks_is_counted_once(write_data: WriteData) -> None:
    manifest = """\
tasks:
  mood: {kind: sentence, head: mood, train: a.train.csv, validation: a.dev.csv, label: mood}
  topic: {kind: sentence, head: topic, train: a.train.csv, validation: a.dev.csv, label: topic}
"""
    train = "text,mood,topic\nGood food.,up,food\nBad room.,down,room\nFine.,up,food\n"
    dev = "text,mood,topic\nGood food.,up,food\nNice room.,up,room\n"
    data = write_data({"manifest.yaml": manifest, "a.train.csv": train, "a.dev.csv": dev})
    dataset = load_dataset(str(data), ANY_FILE)
    assert dataset.repeated_sentences() == {"mood": 1, "topic": 1}
    found = overview(dataset, WordCounter())
    assert (found.repeated, found.sentences) == (1, 5)


def test_without_a_tokenizer_that_can_be_read_words_are_counted(tmp_path: Path) -> None:
    assert counter_for(None).unit == counter_for(tmp_path).unit == "words"
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert counter_for(tmp_path).unit == "words"


UNREAD = (
    "Ann\tPER\na\tO\na\tO\na\tO\na\tO\nNew\tLOC\nYork\tLOC\nin\tO\nRome\tLOC\n\n"
    "Paris\tLOC\n\u200b\tLOC\nis\tO\n\n\u200b\tO\n\nLlanfair\tLOC\nis\tO\nin\tO\nWales\tLOC\n"
)


@pytest.fixture
def files_of_minilm(tmp_path: Path) -> Path:
    """The tokenizer's files of the included checkpoint in a folder that can be changed."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    source = resolve_checkpoint("minilm-l6", ANY_FILE).folder
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    return folder


@pytest.mark.parametrize("stated_in", [None, "tokenizer_config.json", "tokenizer.json"])
@pytest.mark.parametrize("max_length", [8, 9, 11, 128])
def test_the_side_of_truncation_and_unread_words_are_those_of_training(
    write_data: WriteData, files_of_minilm: Path, stated_in: str | None, max_length: int
) -> None:
    from transformers import AutoTokenizer

    if stated_in is not None:
        file = files_of_minilm / stated_in
        keys = json.loads(file.read_text(encoding="utf-8"))
        direction = {
            "direction": "Left",
            "max_length": 128,
            "strategy": "LongestFirst",
            "stride": 0,
        }
        config = stated_in == "tokenizer_config.json"
        keys |= {"truncation_side": "left"} if config else {"truncation": direction}
        file.write_text(json.dumps(keys), encoding="utf-8")
    dataset = load_dataset(str(write_data({"b.train.conll": UNREAD})), ANY_FILE)
    examples = tuple(each for each in dataset.train if each.words)
    tokenizer = AutoTokenizer.from_pretrained(files_of_minilm, local_files_only=True)
    encoded = encode(examples, dataset.tasks, tokenizer, max_length)
    lengths = counter_for(files_of_minilm).lengths(examples, "ner")

    assert lengths.entities_lost(max_length) == encoded.entities_lost["ner"]
    assert lengths.words_without_tokens == encoded.words_without_tokens["ner"] == 2
    assert lengths.entities_without_tokens == encoded.entities_without_tokens["ner"] == 1
    assert lengths.sentences_without_words == encoded.sentences_without_words == 1
    assert lengths.first_tokens_of_words == encoded.first_tokens_of_words == 0
    lost_at_8 = 2 if stated_in else 3
    assert max_length != 8 or encoded.entities_lost["ner"] == lost_at_8
