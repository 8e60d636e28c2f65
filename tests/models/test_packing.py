"""Several padded batches in one pass, beside each of them alone."""

import pytest
import torch

from mtl_core.models.narrowing import NarrowedTop
from mtl_core.models.packing import PACKED_TOKENS, PackedBackbone, _attended
from mtl_core.models.replay import LayerReplay
from tests.models.conftest import ARCHITECTURES

PACK = {
    "albert",
    "bert",
    "camembert",
    "data2vec-text",
    "distilbert",
    "electra",
    "ernie",
    "nomic_bert",
    "roberta",
    "xlm-roberta",
}
"""The others build positions or masks from a sentence's place in its batch."""


def padded(rows, length, shortest):
    ids = torch.randint(5, 60, (rows, length), generator=torch.Generator().manual_seed(length))
    mask = torch.ones_like(ids)
    mask[-1, shortest:] = 0
    return ids.where(mask == 1, 0), mask


@pytest.fixture
def batches():
    """Batches of 9, 5 and 14 tokens; the second has no padding. 74 tokens for 40 positions."""
    return [padded(4, 9, 4), padded(2, 5, 5), padded(2, 14, 11)]


@pytest.fixture
def tried():
    return padded(4, 9, 4)


def one_by_one(model, batches):
    alone = [model(input_ids=ids, attention_mask=mask).last_hidden_state for ids, mask in batches]
    return torch.cat([each.flatten(0, 1) for each in alone])


def real(batches):
    return torch.cat([mask.flatten() for _, mask in batches]).bool()


def gradients(model, states):
    model.zero_grad(set_to_none=True)
    (states * torch.linspace(-1, 1, states.shape[-1])).sum().backward()
    return {name: each.grad for name, each in model.named_parameters()}


def test_whether_an_architecture_packs_is_found_by_trying(tiny_backbone, tried, architecture):
    assert PackedBackbone(tiny_backbone(architecture), *tried).packs is (architecture in PACK)


@pytest.mark.parametrize("kind", sorted(PACK))
def test_packed_states_and_their_gradients_are_those_of_each_batch_alone(
    tiny_backbone, batches, tried, kind
):
    model = tiny_backbone(kind).eval()
    packed, shown = PackedBackbone(model, *tried), real(batches)
    expected = one_by_one(model, batches)[shown]
    of_each = gradients(model, expected)

    states = packed.run(batches)
    found = gradients(model, states[0, shown])

    assert states.shape == (1, 74, 32)
    torch.testing.assert_close(states[0, shown], expected)
    for name, each in found.items():
        torch.testing.assert_close(each, of_each[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_sentence_with_the_padding_token_or_longer_than_those_tried_does_not_fit(
    tiny_backbone, batches, tried, kind
):
    model = tiny_backbone(kind, pad_token_id=0)
    packed = PackedBackbone(model, *padded(4, 14, 14))
    (ids, mask), *others = batches
    with_pad = ids.clone()
    with_pad[0, 3] = 0

    assert packed.fits(batches)
    assert not packed.fits([(with_pad, mask), *others])
    assert not PackedBackbone(model, *tried).fits(batches)  # 14 tokens, and 9 were tried
    if kind == "roberta":  # the words after it have other positions than in a packed pass
        apart = packed.run([(with_pad, mask)])[0] - one_by_one(model, [(with_pad, mask)])
        assert apart[:9].abs().max() > 1e-3


@pytest.mark.parametrize("kind", sorted(PACK))
def test_a_packed_pass_begins_above_stored_layers_and_ends_at_the_positions_read(
    tiny_backbone, batches, tried, kind
):
    model = tiny_backbone(kind, num_hidden_layers=3).eval()
    replay, packed, top = (
        LayerReplay(model),
        PackedBackbone(model, *tried),
        NarrowedTop(model, *tried),
    )
    depth, positions = min(1, replay.layers - 1), torch.tensor([0, 9, 36, 46, 47])
    stored = torch.cat([replay.capture([depth], *batch)[depth].flatten(0, 1) for batch in batches])

    with replay.resuming(depth, stored[None]), top.reading(positions) as narrowed:
        states = packed.run(batches)

    read = states[0] if narrowed.happened else states[0, positions]
    torch.testing.assert_close(read, one_by_one(model, batches)[positions])


def test_dropout_acts_in_a_packed_pass_and_differs_between_sentences(tiny_backbone, tried):
    model = tiny_backbone("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.5)
    packed, (ids, mask) = PackedBackbone(model, *tried), tried
    model.train()

    first, second = packed.run([(ids, mask), (ids, mask)])[0].split(ids.numel())

    assert not torch.allclose(first[mask.flatten() == 1], second[mask.flatten() == 1])


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_attention_with_dropout_is_that_of_torch(global_random_state, padded, scaling):
    torch.manual_seed(0)
    states = torch.randn(3, 2, 4, 5, 8)
    mask = torch.ones(2, 5, dtype=torch.bool)
    if padded:
        mask[1, 3:] = False

    def attended(dropout):
        given = states.clone().requires_grad_()
        found = _attended(*given, mask if padded else None, dropout, scaling)
        found.square().sum().backward()
        return found.detach(), given.grad

    # At this rate the written-out attention runs, and no element is dropped.
    for found, expected in zip(attended(1e-9), attended(0.0), strict=True):
        torch.testing.assert_close(found, expected)


def test_under_autocast_scores_are_computed_in_float32(global_random_state):
    torch.manual_seed(0)
    states = torch.randn(3, 2, 4, 5, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = _attended(*states, None, 1e-9, None)
    expected = _attended(*states.float(), None, 0.0, None)

    torch.testing.assert_close(found.float(), expected, rtol=1e-2, atol=1e-2)


def test_an_attention_that_sees_a_window_alone_does_not_pack(tiny_backbone, tried):
    narrow = tiny_backbone("modernbert", local_attention=4, global_attn_every_n_layers=3)

    assert not PackedBackbone(narrow, *tried).packs


def test_architectures_that_do_not_pack_are_detected_with_two_small_batches(tiny_backbone, tried):
    model = tiny_backbone("modernbert", max_position_embeddings=8192)
    seen = []
    model.embeddings.register_forward_hook(lambda *said: seen.append(said[2].shape[:2].numel()))

    assert not PackedBackbone(model, *tried).packs
    assert max(seen) <= 54  # the tokens of both batches


def test_what_packs_is_tried_on_no_more_tokens_than_a_pass_takes(tiny_backbone, tried):
    model = tiny_backbone("bert", max_position_embeddings=8192)
    seen = []
    model.embeddings.register_forward_hook(lambda *said: seen.append(said[2].shape[:2].numel()))

    assert PackedBackbone(model, *tried).packs
    assert PACKED_TOKENS <= max(seen) < PACKED_TOKENS + 52


def test_trying_and_running_leave_the_model_and_the_random_stream_alone(
    tiny_backbone, batches, tried
):
    model = tiny_backbone("bert").train()
    attention, before = model.config._attn_implementation, torch.get_rng_state()

    packed = PackedBackbone(model, *tried)
    assert torch.equal(torch.get_rng_state(), before)
    packed.run(batches)

    assert model.config._attn_implementation == attention
    assert all(module.training for module in model.modules())


def test_after_a_packed_pass_that_failed_the_model_attends_as_before(tiny_backbone, tried):
    model = tiny_backbone("bert")
    packed, attention = PackedBackbone(model, *tried), model.config._attn_implementation
    outside = torch.full((1, 3), 64), torch.ones(1, 3, dtype=torch.long)  # no such token

    with pytest.raises(IndexError):
        packed.run([outside, outside])

    assert model.config._attn_implementation == attention


def test_all_architectures_that_pack_are_tested():
    assert set(ARCHITECTURES) >= PACK
