"""What sentence heads read, beside what transformers and sentence-transformers compute."""

import pytest
import torch

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.pooling import find_pooler, means
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import DEFAULT_TASKS

IDS = torch.tensor([[1, 9, 8, 7, 2], [1, 9, 2, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
WITH_POOLER = ("albert", "bert", "camembert", "ernie", "mpnet", "roberta", "xlm-roberta")


def model_of(backbone, vector):
    return MultiTaskModel(backbone, DEFAULT_TASKS, seed=0, sentence_vector=vector).eval()


@torch.no_grad()
def test_the_mean_is_that_of_the_plain_model_over_all_tokens_but_padding(
    architecture, tiny_backbone
):
    model = model_of(tiny_backbone(architecture), SentenceVector.MEAN)
    alone = [model.backbone(input_ids=IDS[:1]), model.backbone(input_ids=IDS[1:, :3])]
    expected = torch.stack([each.last_hidden_state[0].mean(0) for each in alone])

    logits = model(IDS, MASK)

    torch.testing.assert_close(logits["sentiment"], model.classifier(expected))
    assert torch.equal(logits["ner"], model.ner(model.hidden(IDS, MASK)))


@torch.no_grad()
def test_the_mean_is_that_of_sentence_transformers():
    from sentence_transformers.sentence_transformer.modules.pooling import Pooling

    hidden = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(0))
    features = {"token_embeddings": hidden, "attention_mask": MASK}

    theirs = Pooling(32, "mean")(features)["sentence_embedding"]

    torch.testing.assert_close(means(hidden[MASK.bool()], [5, 3]), theirs)


@torch.no_grad()
@pytest.mark.parametrize("architecture", WITH_POOLER)
def test_the_pooler_is_that_of_a_whole_pass(architecture, tiny_backbone):
    model = model_of(tiny_backbone(architecture), SentenceVector.POOLER)
    output = model.backbone(input_ids=IDS, attention_mask=MASK)

    logits = model(IDS, MASK)

    torch.testing.assert_close(logits["sentiment"], model.classifier(output.pooler_output))
    assert torch.equal(logits["ner"], model.ner(output.last_hidden_state))


@pytest.mark.parametrize("architecture", ["distilbert", "electra", "modernbert"])
def test_an_architecture_without_a_pooler_is_refused(architecture, tiny_backbone):
    with pytest.raises(UnsupportedArchitecture, match="no pooler that a sentence head can read"):
        find_pooler(tiny_backbone(architecture))


def test_the_mean_of_a_sentence_does_not_depend_on_its_neighbours():
    states = torch.randn(9, 32, generator=torch.Generator().manual_seed(0))

    both = means(states, [4, 5])

    assert torch.equal(both[1], means(states[4:], [5])[0])
    assert means(states[:0], []).shape == (0, 32)
