"""The same run on encoders of other architectures."""

import pytest
import torch

from mtl_core.training.loaded_run import load_run

SIZES = {
    "albert": {"embedding_size": 16},
    "distilbert": {"hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "modernbert": {"bos_token_id": 1, "cls_token_id": 2, "sep_token_id": 3, "eos_token_id": 3},
}
HEADS = {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}


@pytest.fixture
def other(request, make_checkpoint, bench_of, tiny_data):
    model_type = request.param
    return bench_of(make_checkpoint(model_type, **SIZES.get(model_type, {})), tiny_data)


@pytest.mark.parametrize(
    ("other", "scenario"),
    [
        *(
            (kind, "top-1")
            for kind in ("roberta", "distilbert", "electra", "mpnet", "deberta-v2", "modernbert")
        ),
        ("albert", "heads-only"),
        ("albert", "full"),
    ],
    indirect=["other"],
)
def test_what_is_frozen_is_identical_in_the_file_and_the_rest_has_learned(
    other, scenario, tmp_path, moved, written, of
):
    from transformers import AutoModel

    spec = other.spec(scenario)
    (table,) = other.tables(spec.plan)
    learns = {row.name for row in table.rows if row.learning_rate is not None}
    start = other.start()

    events = other.run(spec, tmp_path / "output")

    assert moved(start, written(tmp_path / "output")) == learns
    assert learns >= HEADS
    assert of(events, "run_finished")[0].frozen_identical is True
    model, report = AutoModel.from_pretrained(tmp_path / "output", output_loading_info=True)
    assert not report["missing_keys"]
    tensors = written(tmp_path / "output")
    prefix = other.description.backbone.prefix
    assert all(
        torch.equal(each, tensors[f"{prefix}.{name}"]) for name, each in model.named_parameters()
    )


@pytest.mark.parametrize("other", ["roberta", "distilbert", "albert", "deberta-v2"], indirect=True)
def test_a_frozen_encoder_of_any_kind_answers_the_same_twice(other):
    from mtl_core.freezing.apply import apply_phase

    loaded = load_run(other.spec("heads-only"))
    apply_phase(loaded.tables[0], loaded.model)
    ids = torch.tensor([[2, 5, 11, 7, 12, 3]])

    with torch.no_grad():
        first, second = (
            loaded.model.backbone(input_ids=ids, attention_mask=torch.ones_like(ids))
            for _ in range(2)
        )

    assert loaded.model.training
    assert torch.equal(first.last_hidden_state, second.last_hidden_state)
