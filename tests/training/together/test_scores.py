"""Scores from rows are those of `tasks.scoring`."""

import random

import pytest
import torch

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.evaluation import score_task
from mtl_core.training.together.evaluation import StoredSplit
from mtl_core.training.together.rows import collect_rows
from mtl_core.training.together.scores import scorer

SCHEMES = {
    "IOB2": ("O", "B-LOC", "I-LOC", "B-PER", "I-PER"),
    "IO": ("O", "LOC", "PER"),
}
SENTIMENT = Task(
    name="sentiment", kind=TaskKind.SENTENCE, head="classifier", outputs=("bad", "fair", "good")
)


def tagged(outputs, count=40):
    """Sentences of up to eight words, of which some are cut off, and every third token has none."""
    chance = random.Random(0)
    examples, encoded = [], []
    for _ in range(count):
        words = chance.randint(1, 8)
        tags = tuple(chance.choice(outputs) for _ in range(words))
        kept = chance.randint(1, words)
        firsts = [1 + n + n // 2 for n in range(kept)]
        labels = [IGNORED] * (firsts[-1] + 2)
        for first, tag in zip(firsts, tags, strict=False):
            labels[first] = outputs.index(tag)
        places = (*firsts, *[None] * (words - kept))
        ids = tuple(range(len(labels)))
        examples.append(Example(None, tuple("w" * words), {"ner": tags}))
        encoded.append(EncodedExample(ids, {"ner": tuple(labels)}, places))
    return examples, encoded


def rows_of(encoded, task):
    def states(_, positions):
        return torch.zeros(len(positions), 4)

    return collect_rows(tiny_model(task), encoded, (task,), 0, states, lambda: None)


def tiny_model(task):
    from transformers import BertConfig, BertModel

    sizes = {"vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}
    return MultiTaskModel(BertModel(BertConfig(**sizes, intermediate_size=4)), (task,), seed=0)


def assert_equal_scores(task, examples, encoded):
    rows = rows_of(encoded, task)
    split = StoredSplit(examples, encoded, (task,), rows)
    own = scorer(task, examples, encoded, rows[task.name])
    right = rows[task.name].labels.tolist()
    for share in (0.0, 0.2, 1.0):
        chance = random.Random(1)
        size = len(task.outputs)
        outputs = [chance.randrange(size) if chance.random() < share else each for each in right]
        predicted = split.predicted({task.name: outputs})
        expected = score_task(task, examples, encoded, predicted[task.name], 0.5)
        assert own.score(outputs, 0.5).model_dump() == pytest.approx(expected.model_dump())


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_entities_are_scored_as_from_tags(scheme):
    task = Task(name="ner", kind=TaskKind.TOKEN, head="ner", outputs=SCHEMES[scheme])

    assert_equal_scores(task, *tagged(task.outputs))


def test_sentences_are_scored_as_from_labels():
    labels = [0, 0, 2, 0, 2, 2, 0]  # the second class does not occur
    examples = [Example("text", None, {"sentiment": SENTIMENT.outputs[n]}) for n in labels]
    encoded = [
        EncodedExample((1, *[2] * n, 3), {"sentiment": label}) for n, label in enumerate(labels)
    ]

    assert_equal_scores(SENTIMENT, examples, encoded)
