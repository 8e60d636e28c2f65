"""A backbone left between its layers and entered there again."""

import pytest
import torch

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.replay import LayerReplay

IDS = torch.tensor([[2, 5, 11, 7, 3], [2, 6, 3, 0, 0]])
MASK = (IDS != 0).long()
SIZES = {
    "vocab_size": 30,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def backbone(kind, **values):
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoModel.from_config(AutoConfig.for_model(kind, **{**SIZES, **values})).eval()


@pytest.mark.parametrize(
    ("kind", "values", "layers"),
    [
        ("bert", {}, 4),
        ("deberta-v2", {"conv_kernel_size": 3, "conv_act": "gelu"}, 4),
        ("mpnet", {}, 4),  # its layers return tuples
        ("modernbert", {"bos_token_id": 1, "cls_token_id": 2, "sep_token_id": 3}, 4),
        ("albert", {"embedding_size": 16, "num_hidden_groups": 2}, 2),  # each group runs twice
    ],
)
def test_every_depth_leads_to_the_whole_models_last_hidden_state(kind, values, layers):
    model = backbone(kind, **values)
    replay = LayerReplay(model)
    depths = range(1, layers + 1)

    entered = replay.capture(depths, IDS, MASK)

    assert replay.layers == layers
    with torch.no_grad():
        whole = model(input_ids=IDS, attention_mask=MASK).last_hidden_state
        for depth in depths:
            assert torch.equal(replay.resume(depth, entered[depth], IDS, MASK), whole)


def test_nothing_above_the_highest_requested_depth_is_run():
    model = backbone("bert")
    seen = []
    for number, layer in enumerate(model.encoder.layer):
        layer.register_forward_hook(lambda *_, number=number: seen.append(number))
    replay = LayerReplay(model)
    seen.clear()

    found = replay.capture([2, 1], IDS, MASK)

    assert list(found) == [2, 1]
    assert seen == [0, 1]


def test_a_pass_that_fails_leaves_the_model_whole():
    model = backbone("bert")
    replay = LayerReplay(model)

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        replay.resume(2, torch.zeros(2, 5, 7), IDS, MASK)

    assert all("forward" not in vars(module) for module in model.modules())


def test_layers_that_see_other_tokens_than_the_sentences_are_refused():
    replay = LayerReplay(backbone("longformer", attention_window=[16] * 4))

    with pytest.raises(UnsupportedArchitecture, match="see more tokens than a sentence has"):
        replay.capture([2], IDS, MASK)
