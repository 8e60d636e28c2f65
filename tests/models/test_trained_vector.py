"""The sentence vector that a checkpoint was trained with."""

import json
import re

import pytest

from mtl_core.errors import DamagedCheckpoint, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector

BEFORE = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False}


def trained(folder):
    return trained_sentence_vector(resolve_checkpoint(str(folder), ANY_FILE))


@pytest.fixture
def pooling(config_folder):
    """A folder of sentence-transformers whose pooling has the values given."""

    def write(values):
        folder = config_folder({"model_type": "bert"})
        (folder / "1_Pooling").mkdir()
        text = values if isinstance(values, str) else json.dumps(values)
        (folder / "1_Pooling" / "config.json").write_text(text)
        return folder

    return write


@pytest.mark.parametrize(
    ("values", "vector"),
    [
        ({**BEFORE, "pooling_mode_mean_tokens": True}, "mean"),
        ({**BEFORE, "pooling_mode_cls_token": True}, "first-token"),
        ({"embedding_dimension": 32, "pooling_mode": "mean"}, "mean"),
        ({"embedding_dimension": 32, "pooling_mode": "cls"}, "first-token"),
        ({"embedding_dimension": 32, "pooling_mode": ["mean"]}, "mean"),
    ],
)
def test_it_is_read_from_a_folder_of_sentence_transformers(pooling, values, vector):
    assert trained(pooling(values)) == vector


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({**BEFORE, "pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, "cls and max"),
        ({"pooling_mode": ["mean", "lasttoken"]}, "mean and lasttoken"),
        ({"pooling_mode": "<secret>"}, "no known mode"),
        (BEFORE, "no known mode"),
    ],
)
def test_another_pooling_is_refused_with_what_was_found(pooling, values, found):
    expected = f"another sentence vector: 1_Pooling/config.json has {found}"
    with pytest.raises(UnsupportedArchitecture, match=re.escape(expected)) as caught:
        trained(pooling(values))
    assert str(caught.value).endswith("--sentence-vector first-token, mean, pooler.")


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_a_pooling_file_that_cannot_be_read_is_refused(pooling, text):
    with pytest.raises(DamagedCheckpoint, match=r"config\.json of 'given' is not a JSON object"):
        trained(pooling(text))


def test_a_folder_that_states_nothing_is_read_at_its_first_token(config_folder):
    assert trained(config_folder({"model_type": "bert"})) is SentenceVector.FIRST_TOKEN


def test_a_model_of_a_run_states_its_own(pooling):
    folder = pooling({"pooling_mode": "mean"})
    (folder / "config.json").write_text('{"model_type": "bert", "sentence_vector": "pooler"}')
    assert trained(folder) is SentenceVector.POOLER

    (folder / "config.json").write_text('{"model_type": "bert", "sentence_vector": "middle"}')
    with pytest.raises(DamagedCheckpoint, match="is none of first-token, mean, pooler"):
        trained(folder)
