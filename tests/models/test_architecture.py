import pytest
import torch

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import (
    build_backbone,
    position_limit,
    quiet_transformers,
)


def test_a_model_that_reads_pictures_is_refused(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match="'vit' reads pixel_values, not text"):
        build_backbone(tiny_config("vit"), "meta")


@pytest.mark.parametrize("layers", [0, -1, 1_000_000_000])
def test_an_absurd_depth_is_refused_before_building(tiny_config, layers):
    with pytest.raises(UnsupportedArchitecture, match=r"layers; 1 to 64 are supported"):
        build_backbone(tiny_config("bert", num_hidden_layers=layers), "meta")


def test_a_width_the_heads_do_not_divide_is_refused(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match="cannot build 'bert' from its configuration"):
        build_backbone(tiny_config("bert", hidden_size=33), "meta")


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_building_leaves_torchs_random_stream_and_the_configuration_alone(tiny_config, device):
    config = tiny_config("bert")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    build_backbone(config, device)
    assert torch.equal(torch.rand(1), expected)
    assert config.pad_token_id == 0


@pytest.mark.parametrize(
    ("architecture", "limit"),
    [("bert", 40), ("roberta", 38), ("distilbert", 40), ("deberta-v2", 40), ("modernbert", 40)],
)
def test_the_position_limit_is_what_fits_and_no_more(tiny_config, architecture, limit):
    config = tiny_config(architecture, pad_token_id=1)
    assert position_limit(build_backbone(config, "meta")) == limit


def test_the_position_limit_is_found_where_the_vocabulary_has_as_many_rows(tiny_config):
    config = tiny_config("roberta", vocab_size=40, pad_token_id=1)
    assert position_limit(build_backbone(config, "meta")) == 38


def test_roberta_runs_at_its_limit_and_not_beyond(tiny_backbone):
    model = tiny_backbone("roberta", pad_token_id=1)
    limit = position_limit(model)
    assert model(input_ids=torch.full((1, limit), 9)).last_hidden_state.shape == (1, 38, 32)
    with pytest.raises((IndexError, RuntimeError), match=r"out of (bounds|range)"):
        model(input_ids=torch.full((1, limit + 1), 9))


def test_transformers_speaks_again_after_it_was_silenced():
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with quiet_transformers():
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (50, False)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
