"""Whether the first token knows the rest of its sentence: found by trial, not by name."""

import pytest

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models import direction
from mtl_core.models.describe import describe
from mtl_core.models.direction import require_two_directions

CAUSAL = {
    "gpt2": {},
    "llama": {},
    "clip_text_model": {},  # transformers lists it as a text encoder
    "bert": {"is_decoder": True},
}


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_causal_model_is_refused_because_the_first_token_never_sees_the_sentence(
    tiny_config, kind
):
    with pytest.raises(UnsupportedArchitecture, match=f"'{kind}' cannot be used: it is causal"):
        describe(tiny_config(kind, **CAUSAL[kind]))


def test_tokens_that_do_not_attend_to_each_other_are_another_reason(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match="its tokens do not attend to each other"):
        describe(tiny_config("mra"))  # without its CUDA kernel, its attention returns zeros


def test_an_encoder_is_accepted_whatever_it_is_listed_as(tiny_config, architecture):
    require_two_directions(tiny_config(architecture))


@pytest.mark.parametrize(
    ("kind", "values"),
    [("bert-generation", {}), ("bert", {"num_hidden_layers": 40, "vocab_size": 250_000})],
)
def test_the_first_layers_are_tried_with_a_small_vocabulary(tiny_config, kind, values):
    require_two_directions(tiny_config(kind, **values))


def test_xlnet_attends_in_both_directions():
    from transformers import XLNetConfig

    sizes = {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48, "vocab_size": 64}
    assert describe(XLNetConfig(**sizes)).depth == 2


def test_a_configuration_whose_layers_cannot_be_reduced_is_tried_whole():
    from transformers import FunnelConfig

    sizes = {"d_model": 32, "n_head": 2, "d_head": 16, "d_inner": 48, "vocab_size": 64}
    with pytest.raises(UnsupportedArchitecture, match="'funnel'"):
        describe(FunnelConfig(block_sizes=[2], block_repeats=[1], **sizes))


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_for_layers_too_large_to_try_the_lists_of_transformers_decide(
    tiny_config, monkeypatch, kind
):
    monkeypatch.setattr(direction, "MAX_PARAMETERS", 100)
    if kind == "bert":
        require_two_directions(tiny_config(kind))
        return
    with pytest.raises(UnsupportedArchitecture, match="it is causal"):
        require_two_directions(tiny_config(kind))


def test_a_model_that_runs_on_some_lengths_alone_is_refused_with_its_own_reason(tiny_config):
    fixed = tiny_config("nystromformer", num_landmarks=4, segment_means_seq_len=8)
    with pytest.raises(UnsupportedArchitecture, match="runs on 8 tokens, but not on 7: shape"):
        describe(fixed)
    assert describe(tiny_config("nystromformer")).depth == 2


def test_an_odd_length_that_a_chunked_layer_cannot_divide_is_refused(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match="not on 7: The dimension to be chunked 7"):
        describe(tiny_config("bert", chunk_size_feed_forward=2))
