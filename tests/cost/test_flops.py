"""FLOPs of a two-layer BERT, counted by hand."""

import pytest

from mtl_core.cost.estimate import step_cost
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan

WIDTH, INNER, LAYERS = 32, 48, 2  # of the tiny BERT
B, S = 5, 24  # sentences, tokens
PROJECTION = 2 * B * S * WIDTH * WIDTH  # query, key, value or attention's output
FEED_FORWARD = 2 * B * S * WIDTH * INNER  # up or down
ATTENTION = 2 * (2 * B * S * S * WIDTH)  # scores, and their product with the values
LAYER = 4 * PROJECTION + 2 * FEED_FORWARD + ATTENTION
POOLER = 2 * B * WIDTH * WIDTH  # computed on the first token, read by nobody
HEADS = 2 * B * WIDTH * 2 + 2 * B * S * WIDTH * 4


@pytest.fixture
def cost_of(bert):
    def cost(scenario, phase=1):
        table = parameter_table(scenario_plan(scenario, bert.description), bert.description, phase)
        return step_cost(bert.profile, bert.description, table, B, S)

    return cost


@pytest.mark.parametrize("scenario", ["frozen", "heads-only", "top-1", "full"])
def test_the_forward_pass_does_not_depend_on_the_plan(cost_of, scenario):
    assert cost_of(scenario).forward_flops == LAYERS * LAYER + POOLER + HEADS


def test_full_computes_two_products_for_each_of_the_forward_pass(cost_of):
    weights = LAYERS * (4 * PROJECTION + 2 * FEED_FORWARD)
    inputs = LAYERS * LAYER
    scores_and_values = LAYERS * ATTENTION
    assert cost_of("full").backward_flops == weights + inputs + scores_and_values + 2 * HEADS


def test_heads_only_computes_only_gradients_of_heads(cost_of):
    assert cost_of("heads-only").backward_flops == HEADS


def test_the_gradient_stops_at_the_lowest_trainable_layer(cost_of):
    # the inputs of the lowest layer's query, key and value need no gradient
    layer = 4 * PROJECTION + 2 * FEED_FORWARD + (LAYER - 3 * PROJECTION) + ATTENTION
    assert cost_of("top-1").backward_flops == layer + 2 * HEADS


def test_biases_need_no_products_of_their_own(cost_of):
    # In the lowest layer the gradient ends at the biases of query, key and value, unless the
    # embeddings' own bias lies below, as it does here.
    assert cost_of("bitfit").backward_flops == LAYERS * (LAYER + ATTENTION) + 2 * HEADS


def test_attention_in_evaluation_mode_recomputes_its_scores(cost_of):
    # LayerNorms alone learn: attention is at rest and takes the kernel that keeps no scores
    again = ATTENTION // 2
    products = LAYERS * (LAYER + ATTENTION + again)
    assert cost_of("layernorm").backward_flops == products + 2 * HEADS


@pytest.mark.parametrize(
    ("scenario", "layers"), [("heads-only", 0), ("top-1", 1), ("top-2", 2), ("full", 2)]
)
def test_a_reused_prefix_leaves_the_layers_above_the_boundary(cost_of, scenario, layers):
    pooler = POOLER if layers else 0
    assert cost_of(scenario).reused_forward_flops == layers * LAYER + pooler + HEADS


def test_gradients_and_optimizer_take_four_and_eight_bytes_per_trainable_parameter(cost_of):
    cost = cost_of("heads-only")
    trainable = 2 * WIDTH + 2 + 4 * WIDTH + 4
    assert (cost.gradient_bytes, cost.optimizer_bytes) == (4 * trainable, 8 * trainable)
    assert cost.memory_bytes == (cost.weight_bytes + 12 * trainable + cost.saved_activation_bytes)
