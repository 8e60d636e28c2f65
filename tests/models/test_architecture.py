import pytest
import torch

from mtl_core.errors import DamagedCheckpoint, UnsafeCheckpoint, UnsupportedArchitecture
from mtl_core.models.architecture import (
    build_backbone,
    position_limit,
    quiet_transformers,
    read_architecture,
)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", DamagedCheckpoint, "is not JSON"),
        ("{'model_type': 'bert'}", DamagedCheckpoint, "is not JSON"),
        ("[" * 100_000, DamagedCheckpoint, "is not JSON"),
        ('["bert"]', DamagedCheckpoint, "must be a JSON object with a model_type; it is a list"),
        ("{}", DamagedCheckpoint, "has no model_type"),
        ({"model_type": 3}, DamagedCheckpoint, "has no model_type"),
        ({"model_type": "brt"}, UnsupportedArchitecture, "'brt', which transformers .* Nearest:"),
        ({"model_type": "bert", "hidden_size": "x"}, DamagedCheckpoint, "an invalid value"),
        ({"auto_map": {"AutoModel": "m.M"}}, UnsafeCheckpoint, "never runs code from a check"),
        (
            {"model_type": "own", "auto_map": {"AutoModel": "m.M"}},
            UnsafeCheckpoint,
            "never runs code from a checkpoint",
        ),
        ({"model_type": "t5"}, UnsupportedArchitecture, "consists of an encoder and a decoder"),
        ({"model_type": "bart"}, UnsupportedArchitecture, "consists of an encoder and a decoder"),
        (
            {"model_type": "bert", "quantization_config": {"bits": 4}},
            UnsupportedArchitecture,
            "its weights are quantised",
        ),
    ],
)
def test_a_configuration_that_is_no_encoders_is_refused(config_folder, content, error, message):
    file = config_folder(content) / "config.json"
    with pytest.raises(error, match=message):
        read_architecture(file)


def test_own_code_is_ignored_where_transformers_has_the_architecture(config_folder):
    folder = config_folder({"model_type": "bert", "auto_map": {"AutoModel": "m.M"}})
    assert type(read_architecture(folder / "config.json")).__name__ == "BertConfig"


def test_an_unreadable_file_is_reported(tmp_path):
    with pytest.raises(DamagedCheckpoint, match="cannot be read: No such file"):
        read_architecture(tmp_path / "config.json")


def test_a_model_that_reads_pictures_is_refused(tiny_config):
    with pytest.raises(UnsupportedArchitecture, match="'vit' reads pixel_values, not text"):
        build_backbone(tiny_config("vit"), "meta")


@pytest.mark.parametrize("layers", [0, -1, 1_000_000_000])
def test_an_absurd_depth_is_refused_before_building(tiny_config, layers):
    with pytest.raises(UnsupportedArchitecture, match=r"layers; 1 to 1,024 are supported"):
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
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (40, False)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
