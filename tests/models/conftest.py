"""Tiny configurations of many encoders, and tiny checkpoints on disk."""

import json

import pytest
import torch

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
OWN_SIZES = {
    "albert": {"embedding_size": 16},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "longformer": {"attention_window": 8},
    "mobilebert": {"embedding_size": 16, "true_hidden_size": 16, "intra_bottleneck_size": 16},
    "modernbert": {"cls_token_id": 1, "sep_token_id": 2},
}
ARCHITECTURES = (
    "albert",
    "bert",
    "camembert",
    "data2vec-text",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "ernie",
    "fnet",
    "longformer",
    "mobilebert",
    "modernbert",
    "mpnet",
    "nomic_bert",
    "roberta",
    "roformer",
    "xlm-roberta",
)


def tiny_config(model_type, **values):
    from transformers import AutoConfig

    return AutoConfig.for_model(model_type, **{**SIZES, **OWN_SIZES.get(model_type, {}), **values})


def tiny_backbone(model_type="bert", **values):
    from mtl_core.models.architecture import build_backbone

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_backbone(tiny_config(model_type, **values), "cpu")


@pytest.fixture(name="tiny_config")
def _tiny_config():
    return tiny_config


@pytest.fixture(name="tiny_backbone")
def _tiny_backbone():
    return tiny_backbone


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    """Each architecture in turn."""
    return request.param


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def config_folder(tmp_path):
    """A folder with a config.json that holds the values given, or the text given."""

    def write(values, name="given"):
        folder = tmp_path / name
        folder.mkdir()
        text = values if isinstance(values, str) else json.dumps(values)
        (folder / "config.json").write_text(text)
        return folder

    return write


@pytest.fixture
def checkpoint_folder(tmp_path):
    """A tiny BERT on disk as save_pretrained() writes it."""
    folder = tmp_path / "tiny-bert"
    tiny_backbone("bert").save_pretrained(folder)
    return folder
