"""What is read from a config.json, what is noted, and what is refused."""

import json

import pytest

from mtl_core.errors import DamagedCheckpoint, UnsafeCheckpoint, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.configuration import configuration_notes, read_architecture
from mtl_core.models.describe import describe

BERT = {
    "architectures": ["BertForMaskedLM"],
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "vocab_size": 30522,
}
CHINESE = {
    **BERT,
    "directionality": "bidi",
    "output_past": True,
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
    "vocab_size": 21128,
}
NOMIC = {"model_type": "nomic_bert", "n_embd": 32, "n_layer": 2, "n_head": 2, "n_inner": 48}
TINY = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 50,
}
CODE = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}


def without(name, **values):
    """The configuration of BERT without a key, and with other ones."""
    return {**{key: value for key, value in BERT.items() if key != name}, **values}


def without_size(values):
    """The values without the width of the layers."""
    return {key: value for key, value in values.items() if key != "hidden_size"}


def does_not_read(*names):
    listed = ", ".join(f"'{name}'" for name in names)
    return f"BertConfig of transformers does not read {listed} in config.json."


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


def test_an_unreadable_file_is_reported(tmp_path):
    with pytest.raises(DamagedCheckpoint, match="cannot be read: No such file"):
        read_architecture(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"model_type": "bert", "hidden_dim": 32, "n_layers": 2, "vocab_size": 190},
            r"contains 'hidden_dim' 32, 'n_layers' 2\. BertConfig of transformers does not read "
            r"this, .* Nearest: 'hidden_size', 'num_hidden_layers'\. Rename keys that describe",
        ),
        (NOMIC, r"'n_embd' 32, 'n_layer' 2, 'n_head' 2, 'n_inner' 48\. NomicBertConfig .* Nearest"),
        ({"model_type": "bert", "n_layers": "2"}, "'n_layers' \"2\""),
        ({**BERT, "n_layers": 6}, "'n_layers' 6.* Nearest: 'num_hidden_layers'"),
        ({"model_type": "bert", "breite": 32}, "'breite' 32.* Its sizes: 'vocab_size', 'hidden"),
        ({"model_type": "bert", "encoder": {"hidden_size": 32}}, "'encoder' {\"hidden_size\": 32}"),
        (
            without("hidden_size", **{"Hidden-Size": 32}),
            "'Hidden-Size' 32.* Nearest: 'hidden_size'",
        ),
        (without("layer_norm_eps", layer_norm_epsilon=1.0), "Nearest: 'layer_norm_eps'"),
        (without("hidden_act", activation_function="relu"), "Nearest: 'hidden_act'"),
        (without("num_hidden_layers", hidden_layers=2), "Nearest: 'num_hidden_layers'"),
        (without("num_hidden_layers", num_hidden_layer=2), "Nearest: 'num_hidden_layers'"),
        (
            {"model_type": "albert", **TINY, "d_embed": 16},
            "'d_embed' 16.* Nearest: 'embedding_size'",
        ),
        (
            {
                "model_type": "convbert",
                **without_size(TINY),
                "embedding_size": 32,
                "hidden_sizes": 32,
            },
            "'hidden_sizes' 32.* Nearest: 'hidden_size'",
        ),
        ({**BERT, "num_experts": 8}, "'num_experts' 8.* Its sizes: 'vocab_size', 'hidden_size'"),
        ({**BERT, "embedding_size": 128}, "'embedding_size' 128"),
        ({**BERT, "rope_theta": 10_000.0}, "'rope_theta' 10000.0"),
        ({**BERT, "rope_scaling": {"factor": 2.0}}, "'rope_scaling'"),
        ({**BERT, "alibi_starting_size": 512, "auto_map": CODE}, "'alibi_starting_size' 512"),
        (
            {"model_type": "distilbert", "dim": 32, "hidden_size": 64},
            "has 'dim' 32 and 'hidden_size' 64, which are two names of one value",
        ),
        ({"model_type": "distilbert", "intermediate_size": 64}, "Its sizes: .*'hidden_dim'"),
        ({**BERT, "layer_norm_eps": float("nan")}, "'layer_norm_eps' is nan, not a finite number"),
        ('{"model_type": "bert", "vocab_size": 9, "vocab_size": 8}', "'vocab_size' several times"),
    ],
)
def test_a_key_that_may_describe_another_model_is_refused(config_folder, content, message):
    with pytest.raises(DamagedCheckpoint, match=message):
        read_architecture(config_folder(content) / "config.json")


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        (BERT, ()),
        ({**BERT, "position_embedding_type": "absolute", "use_cache": True, "_num_labels": 5}, ()),
        ({**BERT, "gradient_checkpointing": False, "pruned_heads": {}, "finetuning_task": "x"}, ()),
        (
            {**BERT, "id2label": {"0": "a", "1": "b"}, "max_length": 20, "torch_dtype": "float32"},
            (),
        ),
        ({**BERT, "emb_size": 768, "cell": {}, "pre_trained": ""}, ()),  # TinyBERT
        ({**BERT, "embedding_size": 768, "hidden_dim": 768, "sentence_vector": "mean"}, ()),
        (
            {**BERT, "max_seq_length": 128, "model_max_length": 256},
            (does_not_read("max_seq_length", "model_max_length"),),
        ),
        (
            CHINESE,
            (
                does_not_read(
                    "directionality",
                    "pooler_num_attention_heads",
                    "pooler_num_fc_layers",
                    "pooler_size_per_head",
                    "pooler_type",
                ),
            ),
        ),
        (
            {**BERT, "sentence_transformers": {"version": "5"}, "adapters": {"adapters": {"x": 1}}},
            (does_not_read("sentence_transformers", "adapters"),),
        ),
        (
            {**BERT, "to_dict": 1, "validate": 2, "attribute_map": {"dim": "hidden_size"}},
            (does_not_read("to_dict", "validate", "attribute_map"),),
        ),
        (
            {**BERT, "auto_map": {"AutoModelForTokenClassification": "code.Head"}},
            (
                "The code of the checkpoint's author (auto_map: AutoModelForTokenClassification) "
                "is not run; the model is that of BertConfig in transformers.",
            ),
        ),
    ],
)
def test_what_changes_nothing_is_noted_or_not_mentioned(config_folder, content, notes):
    file = config_folder(content) / "config.json"
    assert configuration_notes(file) == notes
    assert type(read_architecture(file)).__name__ == "BertConfig"


def test_a_published_name_that_the_class_converts_is_read(config_folder):
    values = {"model_type": "modernbert", "global_rope_theta": 5.0, "local_rope_theta": 7.0}
    file = config_folder({**values, "global_attn_every_n_layers": 2}) / "config.json"
    config = read_architecture(file)
    assert configuration_notes(file) == ()
    assert config.rope_parameters["full_attention"]["rope_theta"] == 5.0
    assert config.layer_types[:3] == ["full_attention", "sliding_attention", "full_attention"]


def test_every_configuration_of_the_catalogue_is_accepted():
    notes = {known.name: configuration_notes(known.config_file) for known in catalogue()}
    assert {name for name, found in notes.items() if found} == {"albert-base-v2", "modernbert-base"}


def test_own_code_that_replaces_an_unknown_encoder_is_refused(config_folder):
    jina = {**BERT, "architectures": ["JinaBertForMaskedLM"], "auto_map": CODE}
    with pytest.raises(UnsafeCheckpoint, match="never runs code from a checkpoint"):
        read_architecture(config_folder(jina) / "config.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attn_implementation", "flash_attention_2"),
        ("chunk_size_feed_forward", 5),
        ("encoder_layerdrop", 0.5),
        ("gradient_checkpointing", True),
        ("layerdrop", 0.5),
        ("output_attentions", True),
        ("output_hidden_states", True),
        ("return_dict", False),
        ("torchscript", True),
    ],
)
def test_a_switch_of_running_is_noted_and_has_no_effect(config_folder, name, value):
    plain = read_architecture(config_folder(BERT, "plain") / "config.json")
    file = config_folder({**BERT, name: value}, "switched") / "config.json"
    assert read_architecture(file).to_dict() == plain.to_dict()
    assert configuration_notes(file) == (
        f"config.json sets how the model runs: {name} {json.dumps(value)}. Runs ignore this, and "
        "models are written without it.",
    )


def test_layers_are_not_left_out_where_the_class_would_do_it_by_default(config_folder):
    file = config_folder({"model_type": "flaubert", "layerdrop": 0.5}) / "config.json"
    assert read_architecture(file).layerdrop == 0.0


def test_pruned_heads_are_refused(config_folder):
    file = config_folder({**BERT, "pruned_heads": {"0": [1]}}) / "config.json"
    with pytest.raises(UnsupportedArchitecture, match="has pruned_heads: attention heads were rem"):
        read_architecture(file)


def test_a_description_contains_the_notes(config_folder):
    folder = config_folder({**CHINESE, **TINY})
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    assert describe(checkpoint).notes == configuration_notes(folder / "config.json")
    assert len(describe(checkpoint).notes) == 1


@pytest.mark.parametrize(("positions", "pad", "limit"), [(7, 0, 7), (9, 1, 7)])
def test_a_model_that_reads_fewer_tokens_than_a_run_is_refused(
    config_folder, positions, pad, limit
):
    values = {"max_position_embeddings": positions, "pad_token_id": pad}
    kind = "roberta" if pad else "bert"
    folder = config_folder({**BERT, **TINY, **values, "model_type": kind})
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    with pytest.raises(UnsupportedArchitecture, match=f"reads at most {limit} tokens, and a run"):
        describe(checkpoint)


@pytest.mark.parametrize(
    ("model_type", "positions", "is_computed"),
    [
        ("bert", "absolute", True),
        ("bert", None, True),
        ("bert", "relative_key", False),
        ("bert", "relative_key_query", False),
        ("bert", "alibi", False),
        ("xlm-roberta", "rotary", False),
        ("roformer", "rotary", True),
        ("esm", "rotary", True),
        ("esm", "relative_key", False),
        ("modernbert", "absolute", True),  # as published, though they are rotary
    ],
)
def test_positions_that_transformers_does_not_compute_are_refused(
    config_folder, model_type, positions, is_computed
):
    folder = config_folder({"model_type": model_type, "position_embedding_type": positions})
    if is_computed:
        assert read_architecture(folder / "config.json").model_type == model_type
        return
    with pytest.raises(
        UnsupportedArchitecture,
        match=f"position_embedding_type '{positions}', which transformers .* does not compute",
    ):
        read_architecture(folder / "config.json")


@pytest.mark.parametrize(
    ("key", "value", "most"),
    [
        ("num_hidden_layers", 1_000, "64"),
        ("n_layer", 65, "64"),
        ("hidden_size", 8_193, "8,192"),
        ("d_model", 10**9, "8,192"),
        ("embedding_size", 10_000.0, "8,192"),
        ("intermediate_size", 32_769, "32,768"),
        ("vocab_size", 1_000_001, "1,000,000"),
        ("max_position_embeddings", 2**20, "131,072"),
        ("attention_window", [512, 4_096], "2,048"),
        ("block_sizes", [40, 40], "64"),
        ("num_attention_heads", 512, "256"),
        ("num_experts", 10_000, "256"),
        ("pad_size", 10**400, "8,192"),
    ],
)
def test_a_size_over_its_limit_is_refused_before_anything_is_built(
    tmp_path, monkeypatch, key, value, most
):
    monkeypatch.setattr("mtl_core.models.configuration._configuration_class", pytest.fail)
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "bert", **TINY, key: value}))
    with pytest.raises(UnsupportedArchitecture, match=rf" has {key} .*; at most {most} (is|are) "):
        read_architecture(file)


def test_ids_names_of_labels_and_the_sizes_of_large_encoders_are_no_excess(tmp_path):
    file = tmp_path / "config.json"
    known = {"id2label": {"0": "hidden"}, "label2id": {"hidden_size": 10**6}, "pad_token_id": 1}
    large = {"num_hidden_layers": 48, "hidden_size": 4_096, "num_attention_heads": 32}
    file.write_text(json.dumps({**BERT, **known, **large, "intermediate_size": 16_384}))
    assert read_architecture(file).num_hidden_layers == 48


def test_a_config_that_is_nested_too_deeply_or_too_long_is_refused(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"model_type": ' + "[" * 100_000)
    with pytest.raises(DamagedCheckpoint, match=r"is not JSON: it is nested too deeply"):
        read_architecture(file)
    file.write_text(" " * (2**24 + 1))
    with pytest.raises(DamagedCheckpoint, match=r"more than the 16,777,216 bytes that are read"):
        read_architecture(file)
