import pytest
import torch

from mtl_core.errors import InvalidRun
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

SENTIMENT, NER = DEFAULT_TASKS


def _task(head, name="topic"):
    return Task(name=name, kind=TaskKind.SENTENCE, head=head, outputs=("a", "b"))


def test_each_task_gets_logits_of_its_shape(tiny_backbone):
    model = MultiTaskModel(tiny_backbone(), DEFAULT_TASKS, seed=0)
    ids = torch.full((3, 7), 9)
    logits = model(ids, torch.ones_like(ids))
    assert {name: tuple(values.shape) for name, values in logits.items()} == {
        "sentiment": (3, 2),
        "ner": (3, 7, 4),
    }


def test_a_sentence_head_reads_the_first_token(tiny_backbone):
    model = MultiTaskModel(tiny_backbone(), DEFAULT_TASKS, seed=0).eval()
    ids = torch.tensor([[1, 9, 8, 2]])
    hidden = model.backbone(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    logits = model(ids, torch.ones_like(ids))
    assert torch.equal(logits["sentiment"], model.classifier(hidden[:, 0]))
    assert torch.equal(logits["ner"], model.ner(hidden))


def test_padding_does_not_change_a_sentence(tiny_backbone):
    model = MultiTaskModel(tiny_backbone(), DEFAULT_TASKS, seed=0).eval()
    short = model(torch.tensor([[1, 9, 2]]), torch.ones(1, 3, dtype=torch.long))
    padded = model(torch.tensor([[1, 9, 2, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]]))
    torch.testing.assert_close(short["sentiment"], padded["sentiment"])
    torch.testing.assert_close(short["ner"], padded["ner"][:, :3])


def test_the_encoder_has_its_own_prefix(tiny_backbone):
    backbone = tiny_backbone("roberta")
    model = MultiTaskModel(backbone, DEFAULT_TASKS, seed=0)
    assert [name for name, _ in model.named_children()] == [
        "roberta",
        "dropout",
        "classifier",
        "ner",
    ]
    assert model.backbone is backbone
    assert model.head(NER) is model.ner


def test_a_heads_start_depends_on_seed_and_name_alone(tiny_backbone):
    torch.manual_seed(1)
    model = MultiTaskModel(tiny_backbone("bert"), (SENTIMENT, NER), seed=3)
    torch.manual_seed(2)
    other = MultiTaskModel(tiny_backbone("roberta"), (NER, _task("topic"), SENTIMENT), seed=3)
    assert torch.equal(model.classifier.weight, other.classifier.weight)
    assert torch.equal(model.ner.weight, other.ner.weight)


def test_another_seed_and_another_name_give_another_start(tiny_backbone):
    tasks = (SENTIMENT, _task("topic"))
    model = MultiTaskModel(tiny_backbone(), tasks, seed=3)
    other = MultiTaskModel(tiny_backbone(), tasks, seed=4)
    assert not torch.equal(model.classifier.weight, other.classifier.weight)
    assert not torch.equal(model.classifier.weight, model.topic.weight)


def test_a_head_starts_small_with_a_bias_of_zero(tiny_backbone):
    wide = Task(name="w", kind=TaskKind.TOKEN, head="w", outputs=tuple(map(str, range(500))))
    model = MultiTaskModel(tiny_backbone(), (wide,), seed=0)
    assert model.w.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.w.weight.mean().item() == pytest.approx(0.0, abs=0.001)
    assert torch.count_nonzero(model.w.bias).item() == 0


def test_building_leaves_torchs_random_stream_alone(tiny_backbone):
    backbone = tiny_backbone()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    MultiTaskModel(backbone, DEFAULT_TASKS, seed=0)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("bert", "the encoder's parameters have that prefix"),
        ("dropout", "a part of the model has that name"),
        ("forward", "a part of the model has that name"),
        ("backbone", "a part of the model has that name"),
        ("a.b", "it contains a dot"),
        ("", "it contains a dot"),
    ],
)
def test_a_head_cannot_have_a_name_that_is_taken(tiny_backbone, head, message):
    with pytest.raises(InvalidRun, match=f"task 'topic' cannot be called '{head}'.*{message}"):
        MultiTaskModel(tiny_backbone(), (_task(head),), seed=0)


def test_two_tasks_cannot_share_a_head(tiny_backbone):
    tasks = (_task("classifier"), _task("classifier", name="mood"))
    with pytest.raises(InvalidRun, match=r"'classifier' is used by several tasks \(topic, mood\)"):
        MultiTaskModel(tiny_backbone(), tasks, seed=0)
