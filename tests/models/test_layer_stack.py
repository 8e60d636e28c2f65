import pytest
import torch
from torch import nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import build_backbone, traced
from mtl_core.models.layer_stack import LayerStack, find_stack, replaces_modules


def test_every_layer_of_every_architecture_is_found(tiny_config, architecture):
    stack = traced(tiny_config(architecture, num_hidden_layers=3), find_stack)
    assert stack.depth == 3
    assert len(stack.paths) == (1 if architecture == "albert" else 3)
    assert stack.shared == (architecture == "albert")


@pytest.mark.parametrize(
    ("architecture", "container"),
    [
        ("bert", "encoder.layer"),
        ("distilbert", "transformer.layer"),
        ("modernbert", "layers"),
        ("albert", "encoder.albert_layer_groups"),
    ],
)
def test_the_stack_is_where_the_architecture_keeps_it(tiny_config, architecture, container):
    assert find_stack(build_backbone(tiny_config(architecture), "meta")).container == container


def test_albert_passes_its_one_layer_twelve_times(tiny_config):
    stack = find_stack(build_backbone(tiny_config("albert", num_hidden_layers=12), "meta"))
    assert stack == LayerStack(
        "encoder.albert_layer_groups", ("encoder.albert_layer_groups.0",), depth=12
    )


def test_albert_with_two_groups_has_two_layers_to_freeze(tiny_config):
    config = tiny_config("albert", num_hidden_layers=4, num_hidden_groups=2)
    stack = find_stack(build_backbone(config, "meta"))
    assert (len(stack.paths), stack.depth) == (2, 4)


def test_layer_one_is_not_layer_ten():
    stack = LayerStack("encoder.layer", tuple(f"encoder.layer.{i}" for i in range(12)), 12)
    assert stack.layer_of("encoder.layer.1.output.dense.weight") == 1
    assert stack.layer_of("encoder.layer.10.output.dense.weight") == 10
    assert stack.layer_of("encoder.layer_norm.weight") is None


def test_finding_the_stack_leaves_hooks_modes_and_gradients_as_they_were(tiny_backbone):
    model = tiny_backbone("bert")
    model.encoder.train()
    find_stack(model)
    assert [name for name, child in model.named_children() if child.training] == ["encoder"]
    assert all(not module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_layers_kept_in_parallel_lists_are_refused_by_name():
    from transformers import XLMConfig

    config = XLMConfig(vocab_size=64, emb_dim=32, n_layers=2, n_heads=2, max_position_embeddings=40)
    with pytest.raises(UnsupportedArchitecture, match=r"in several lists \(attentions, .*ffns"):
        traced(config, find_stack)


def test_the_error_of_a_model_without_a_stack_names_its_lists(tiny_backbone):
    model = tiny_backbone("bert")
    model.encoder.layer = nn.ModuleList(list(model.encoder.layer)[:1])
    with pytest.raises(
        UnsupportedArchitecture,
        match=r"No stack of 2 layers.*encoder\.layer \(1 modules, 1 calls\)",
    ):
        find_stack(model)


def test_an_architecture_that_calls_forward_methods_directly_is_refused_with_that_reason(
    tiny_config,
):
    groups = ("q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups")
    ones = dict.fromkeys((*groups, "output_groups"), 1)
    config = tiny_config("squeezebert", embedding_size=32, **ones)
    reason = r"encoder\.layers \(2 modules, 0 calls\)\. A direct call of a layer's forward method"
    with pytest.raises(UnsupportedArchitecture, match=reason):
        traced(config, find_stack)


def test_a_pass_that_replaces_modules_leaves_no_trace(tiny_backbone):
    model = tiny_backbone("big_bird", block_size=4, num_random_blocks=1)
    ids = torch.arange(5, 37)[None]
    with torch.no_grad():
        sparse = model(input_ids=ids).last_hidden_state
    assert replaces_modules(model, ids[:, :8])

    find_stack(model)

    assert model.attention_type == "block_sparse"
    assert type(model.encoder.layer[0].attention.self).__name__ == "BigBirdBlockSparseAttention"
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).last_hidden_state, sparse)
    assert not replaces_modules(tiny_backbone("bert"), ids[:, :8])


def test_a_stack_walked_from_top_to_bottom_is_refused(tiny_backbone):
    model = tiny_backbone("bert")
    bottom, top = model.encoder.layer
    run = model.encoder.forward

    def downwards(*inputs, **options):
        model.encoder.layer._modules.update({"0": top, "1": bottom})
        try:
            return run(*inputs, **options)
        finally:
            model.encoder.layer._modules.update({"0": bottom, "1": top})

    model.encoder.forward = downwards
    with pytest.raises(UnsupportedArchitecture, match="No stack of 2 layers"):
        find_stack(model)


def test_a_model_that_needs_more_than_token_ids_is_refused_with_its_own_reason(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match=r"'xmod' does not run.*language"):
        traced(tiny_config("xmod"), find_stack)


def test_the_stack_of_a_real_model_equals_that_of_the_meta_device(tiny_config, tiny_backbone):
    on_meta = find_stack(build_backbone(tiny_config("bert"), "meta"))
    assert find_stack(tiny_backbone("bert"), torch.tensor([[5, 6, 7]])) == on_meta
