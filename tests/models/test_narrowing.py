"""The last layer run at a few positions, beside the same layer run at all of them."""

import pytest
import torch

from mtl_core.models.narrowing import NarrowedTop

BEGINS = {
    "albert": None,  # its layers are one, so what is left out above is needed below
    "bert": "encoder.layer.1.attention.output",
    "deberta": "encoder.layer.1.attention.output",
    "deberta-v2": "encoder.layer.1.attention.output",
    "distilbert": "transformer.layer.1.sa_layer_norm",
    "fnet": "encoder.layer.1.fourier.output",
    "longformer": None,
    "mobilebert": "encoder.layer.1.output",  # its feed-forward parts before that are in a list
    "modernbert": None,  # adds what entered the feed-forward part to what left it
    "mpnet": "encoder.layer.1.attention.LayerNorm",
    "nomic_bert": "layers.1.post_attention_layernorm",
}


@pytest.fixture
def batch():
    """Four sentences of 9, 6, 9 and 4 tokens: (4, 9) each."""
    ids = torch.randint(5, 60, (4, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 6:] = mask[3, 4:] = 0
    return ids.where(mask == 1, 0), mask


def test_where_a_layer_can_be_narrowed_is_found_by_trying(tiny_backbone, batch, architecture):
    model = tiny_backbone(architecture)
    first = NarrowedTop(model, *batch).first_module
    path = next((path for path, module in model.named_modules() if module is first), None)

    assert path == BEGINS.get(architecture, "encoder.layer.1.attention.output")


def test_the_states_read_are_those_of_the_whole_pass_and_so_are_the_gradients(
    tiny_backbone, batch, architecture
):
    model = tiny_backbone(architecture).eval()
    ids, mask = batch
    positions = torch.tensor([0, 9, 11, 18, 18, 26, 27])  # one of them is read twice
    top = NarrowedTop(model, ids, mask)
    whole = model(input_ids=ids, attention_mask=mask).last_hidden_state.flatten(0, 1)[positions]
    whole.square().sum().backward()
    expected = {name: each.grad for name, each in model.named_parameters()}
    model.zero_grad(set_to_none=True)

    with top.reading(positions) as narrowed:
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    read = states[0] if narrowed.happened else states.flatten(0, 1)[positions]
    read.square().sum().backward()

    assert narrowed.happened == (top.first_module is not None)
    torch.testing.assert_close(read, whole)
    for name, each in model.named_parameters():
        torch.testing.assert_close(each.grad, expected[name], rtol=1e-4, atol=1e-5)


def test_only_the_read_positions_pass_through_what_follows_attention(tiny_backbone, batch):
    model = tiny_backbone("bert")
    top = NarrowedTop(model, *batch)
    seen = []
    for layer in model.encoder.layer:
        layer.intermediate.register_forward_hook(lambda *said: seen.append(tuple(said[2].shape)))

    with top.reading(torch.tensor([0, 9, 18])):
        model(*batch)
    model(*batch)

    assert seen == [(4, 9, 48), (1, 3, 48), (4, 9, 48), (4, 9, 48)]


def test_looking_for_the_place_leaves_the_model_and_the_random_stream_alone(tiny_backbone, batch):
    model = tiny_backbone("bert").train()
    before = torch.get_rng_state()

    NarrowedTop(model, *batch)

    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_pre_hooks for module in model.modules())
