import json
import logging
import socket

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl_core.errors import DamagedCheckpoint, MissingWeights, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.load import load_backbone, load_tokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "wor", "##ld"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Any attempt to reach a network fails the test."""

    def refuse(*_):
        raise AssertionError("a load reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def checkpoint(checkpoint_folder):
    return resolve_checkpoint(str(checkpoint_folder), ANY_FILE)


def _rewrite(folder, change):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def test_a_loaded_backbone_is_the_saved_one(checkpoint, tiny_backbone):
    loaded, saved = load_backbone(checkpoint), tiny_backbone("bert")
    assert not loaded.training
    for (name, ours), (_, theirs) in zip(
        loaded.named_parameters(), saved.named_parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_the_embedded_default_loads_whole_and_says_nothing(capfd):
    backbone = load_backbone(resolve_checkpoint("minilm-l6", ANY_FILE))
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 22_713_216
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}
    assert capfd.readouterr() == ("", "")


def test_half_precision_weights_are_loaded_as_float32(checkpoint, checkpoint_folder):
    _rewrite(checkpoint_folder, lambda t: t.update({n: v.half() for n, v in t.items()}))
    backbone = load_backbone(checkpoint)
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_loading_leaves_torchs_random_stream_alone(checkpoint):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_backbone(checkpoint)
    assert torch.equal(torch.rand(1), expected)


def test_a_missing_pooler_is_drawn_from_a_fixed_seed_and_reported(
    checkpoint, checkpoint_folder, caplog
):
    _rewrite(
        checkpoint_folder, lambda t: (t.pop("pooler.dense.weight"), t.pop("pooler.dense.bias"))
    )
    with caplog.at_level(logging.WARNING, logger="mtl_core.models.load"):
        torch.manual_seed(1)
        first = load_backbone(checkpoint)
        torch.manual_seed(2)
        second = load_backbone(checkpoint)
    assert torch.equal(first.pooler.dense.weight, second.pooler.dense.weight)
    assert torch.isfinite(first.pooler.dense.weight).all()
    assert "have no pooler; it is initialised with a fixed seed" in caplog.text


def test_missing_encoder_weights_are_refused_by_name(checkpoint, checkpoint_folder):
    name = "encoder.layer.1.output.dense.weight"
    _rewrite(checkpoint_folder, lambda tensors: tensors.pop(name))
    with pytest.raises(DamagedCheckpoint, match=f"lack 1 tensors of the encoder: {name}"):
        load_backbone(checkpoint)


def test_weights_of_another_shape_are_refused(checkpoint, checkpoint_folder):
    _rewrite(
        checkpoint_folder,
        lambda t: t.update({"embeddings.word_embeddings.weight": torch.zeros(65, 32)}),
    )
    with pytest.raises(DamagedCheckpoint, match=r"cannot be loaded: .*belong together"):
        load_backbone(checkpoint)


def test_a_file_cut_short_is_refused(checkpoint, checkpoint_folder):
    file = checkpoint_folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DamagedCheckpoint, match="cannot be loaded"):
        load_backbone(checkpoint)


def test_a_checkpoint_without_weights_cannot_be_loaded(config_folder):
    checkpoint = resolve_checkpoint(str(config_folder({"model_type": "bert"})), ANY_FILE)
    with pytest.raises(MissingWeights, match="not on this machine"):
        load_backbone(checkpoint)


def test_an_adapter_is_refused(checkpoint, checkpoint_folder):
    (checkpoint_folder / "adapter_config.json").write_text("{}")
    with pytest.raises(UnsupportedArchitecture, match="is an adapter of another model"):
        load_backbone(checkpoint)


def test_a_decoders_weights_are_refused(checkpoint, checkpoint_folder):
    values = json.loads((checkpoint_folder / "config.json").read_text())
    (checkpoint_folder / "config.json").write_text(json.dumps({**values, "is_decoder": True}))
    with pytest.raises(UnsupportedArchitecture, match="'bert' cannot be used: it is causal"):
        describe(checkpoint)


def test_the_tokenizer_aligns_pieces_with_words(checkpoint, checkpoint_folder):
    from transformers import BertTokenizerFast

    vocab = checkpoint_folder / "vocab.txt"
    vocab.write_text("\n".join(WORDS))
    BertTokenizerFast(str(vocab)).save_pretrained(checkpoint_folder)
    tokenizer = load_tokenizer(checkpoint)
    encoded = tokenizer(["hello", "world"], is_split_into_words=True)
    assert encoded.word_ids() == [None, 0, 1, 1, None]


def test_a_space_marking_tokenizer_cuts_the_first_word_like_any_other(tmp_path, tiny_backbone):
    from transformers import RobertaTokenizerFast

    folder = tmp_path / "tiny-roberta"
    tiny_backbone("roberta").save_pretrained(folder)
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5, "Ġ": 6, "Ġa": 7}
    RobertaTokenizerFast(vocab=vocabulary, merges=[("Ġ", "a")]).save_pretrained(folder)
    tokenizer = load_tokenizer(resolve_checkpoint(str(folder), ANY_FILE))
    assert tokenizer(["a", "a"], is_split_into_words=True).input_ids == [0, 7, 7, 2]


def test_a_missing_tokenizer_is_reported(checkpoint):
    with pytest.raises(
        DamagedCheckpoint, match=r"has no tokenizer: .* contains none of tokenizer\.json"
    ):
        load_tokenizer(checkpoint)


def test_a_broken_tokenizer_is_reported(checkpoint, checkpoint_folder):
    (checkpoint_folder / "tokenizer.json").write_text("{")
    (checkpoint_folder / "tokenizer_config.json").write_text("{}")
    with pytest.raises(DamagedCheckpoint, match=r"The tokenizer of .* cannot be loaded"):
        load_tokenizer(checkpoint)


def test_a_tokenizer_of_another_model_is_refused(checkpoint, checkpoint_folder):
    from transformers import BertTokenizerFast

    vocab = checkpoint_folder / "vocab.txt"
    vocab.write_text("\n".join([*WORDS, *map(str, range(100))]))
    BertTokenizerFast(str(vocab)).save_pretrained(checkpoint_folder)
    with pytest.raises(DamagedCheckpoint, match="has ids up to 107, but its model has 64 rows"):
        load_tokenizer(checkpoint)


def test_an_id_beyond_the_embedding_table_is_refused_although_the_vocabulary_is_small(
    checkpoint, checkpoint_folder
):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = models.WordLevel({"[UNK]": 0, "hello": 64}, "[UNK]")
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words)).save_pretrained(checkpoint_folder)
    with pytest.raises(DamagedCheckpoint, match="has ids up to 64, but its model has 64 rows"):
        load_tokenizer(checkpoint)


def test_a_tokenizer_needs_no_weights(checkpoint_folder):
    from transformers import BertTokenizerFast

    (checkpoint_folder / "model.safetensors").unlink()
    vocab = checkpoint_folder / "vocab.txt"
    vocab.write_text("\n".join(WORDS))
    BertTokenizerFast(str(vocab)).save_pretrained(checkpoint_folder)
    assert len(load_tokenizer(resolve_checkpoint(str(checkpoint_folder), ANY_FILE))) == 8


def test_a_generic_tokenizer_that_ignores_the_option_splits_words_equally(tmp_path, tiny_backbone):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path / "tiny-modernbert"
    tiny_backbone("modernbert").save_pretrained(folder)
    vocabulary = {"[UNK]": 0, "a": 1, "Ġ": 2, "Ġa": 3}
    special = {"unk_token": "[UNK]"}
    bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ġ", "a")], **special))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=bpe, **special).save_pretrained(folder)
    tokenizer = load_tokenizer(resolve_checkpoint(str(folder), ANY_FILE))
    assert tokenizer(["a", "a"], is_split_into_words=True).input_ids == [3, 3]


def test_the_embedded_tokenizer_neither_pads_nor_truncates_by_default():
    tokenizer = load_tokenizer(resolve_checkpoint("minilm-l6", ANY_FILE))
    assert len(tokenizer("a " * 300).input_ids) == 302
    assert len(tokenizer("a").input_ids) == 3


def test_a_sharded_checkpoint_loads_whole(tmp_path, tiny_backbone):
    saved = tiny_backbone("bert")
    saved.save_pretrained(tmp_path / "sharded", max_shard_size="40KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 1
    loaded = load_backbone(resolve_checkpoint(str(tmp_path / "sharded"), ANY_FILE))
    for (name, ours), theirs in zip(loaded.named_parameters(), saved.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_encoder_of_a_saved_task_model_is_taken_and_its_head_left(tmp_path, tiny_config):
    from transformers import BertForMaskedLM

    saved = BertForMaskedLM(tiny_config("bert"))
    saved.save_pretrained(tmp_path / "masked")
    loaded = load_backbone(resolve_checkpoint(str(tmp_path / "masked"), ANY_FILE))
    theirs = dict(saved.bert.named_parameters())
    ours = {n: p for n, p in loaded.named_parameters() if not n.startswith("pooler.")}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_another_model_under_a_catalogue_name_is_refused(checkpoint):
    posing = checkpoint.model_copy(update={"name": "biobert", "entry": "biobert"})
    with pytest.raises(
        DamagedCheckpoint,
        match=r"'biobert' in .* differs from .* model: .* \[64, 32\] where .* \[28996, 768\]",
    ):
        load_backbone(posing)


@pytest.mark.parametrize("other", ["other.safetensors", "pytorch_model.bin"])
def test_a_configuration_cannot_send_the_load_to_another_file(
    checkpoint, checkpoint_folder, tiny_backbone, other
):
    file = checkpoint_folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "transformers_weights": other}))
    (checkpoint_folder / other).write_bytes(b"never read")
    loaded = load_backbone(checkpoint)
    expected = tiny_backbone("bert").embeddings.word_embeddings.weight
    assert torch.equal(loaded.embeddings.word_embeddings.weight, expected)


def _cut_to_two_layers(folder):
    """A configuration of two layers beside the weights of more."""
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "num_hidden_layers": 2}))


def test_weights_of_more_layers_than_the_configuration_has_are_refused(tmp_path, tiny_config):
    from transformers import BertForMaskedLM

    BertForMaskedLM(tiny_config("bert", num_hidden_layers=4)).save_pretrained(tmp_path / "cut")
    _cut_to_two_layers(tmp_path / "cut")
    checkpoint = resolve_checkpoint(str(tmp_path / "cut"), ANY_FILE)

    with pytest.raises(DamagedCheckpoint) as refused:
        load_backbone(checkpoint)

    assert str(refused.value) == (
        "The weights of 'cut' have 32 tensors inside the encoder that config.json does not define: "
        "bert.encoder.layer.2.attention.output.LayerNorm.bias, "
        "bert.encoder.layer.2.attention.output.LayerNorm.weight, "
        "bert.encoder.layer.2.attention.output.dense.bias and 29 more. Without them it would "
        "compute another function. config.json defines 2 layers (encoder.layer), the weights have "
        "4. Correct the number of layers in config.json; for an encoder of 2 layers, load it in "
        "transformers and save it with save_pretrained()."
    )


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_relative_positions_in_the_weights_are_refused(checkpoint, checkpoint_folder, prefix):
    name = "encoder.layer.0.attention.self.distance_embedding.weight"

    def add(tensors):
        renamed = {f"{prefix}{each}": tensors.pop(each) for each in list(tensors)}
        tensors.update(renamed | {f"{prefix}{name}": torch.zeros(79, 16)})

    _rewrite(checkpoint_folder, add)
    with pytest.raises(
        DamagedCheckpoint, match=rf"have 1 tensor inside .*: {prefix}{name}\. .*belong together"
    ):
        load_backbone(checkpoint)


def test_heads_a_surplus_pooler_and_computed_buffers_are_left(tmp_path, tiny_backbone):
    folder = tmp_path / "electra"
    tiny_backbone("electra").save_pretrained(folder)
    others = {
        "pooler.dense.weight": torch.ones(2, 2),
        "embeddings.position_ids": torch.arange(40)[None],
        "encoder.rotary.inv_freq": torch.ones(2),
        "discriminator_predictions.dense.weight": torch.ones(2),
        "classifier": torch.ones(1),
    }
    _rewrite(folder, lambda tensors: tensors.update(others))

    loaded = load_backbone(resolve_checkpoint(str(folder), ANY_FILE))

    assert (
        dict(loaded.named_parameters()).keys()
        == dict(tiny_backbone("electra").named_parameters()).keys()
    )
