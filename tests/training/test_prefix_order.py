"""Sentences in an order of their own, and the outputs of a batch found among theirs."""

import pytest
import torch

from mtl_core.training.prefix.layout import Sentences
from mtl_core.training.prefix.store import StoredRows

SEQUENCES = [(2, 7, 3), (2, 5, 6, 3), (2, 3), (2, 5, 6, 3)]


def test_each_sentence_is_stored_once_for_any_order():
    one, other = Sentences(SEQUENCES, 0), Sentences(reversed(SEQUENCES), 0)

    assert (len(one), one.entire.rows) == (3, 9)
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "others", [SEQUENCES[:2], [*SEQUENCES, (2, 4, 3)], [(2, 7, 3, 2, 5, 6, 3)]]
)
def test_other_sentences_have_another_digest(others):
    assert Sentences(others, 0).digest != Sentences(SEQUENCES, 0).digest


def test_batches_hold_every_sentence_shortest_first_padded():
    ((ids, mask),) = Sentences(SEQUENCES, 9).batches()

    assert ids.tolist() == [[2, 3, 9, 9], [2, 7, 3, 9], [2, 5, 6, 3]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


def test_a_batch_in_any_order_and_padding_finds_its_own_outputs():
    sentences = Sentences(SEQUENCES, 0)
    outputs = StoredRows(
        torch.arange(18.0).reshape(9, 2)
    )  # (2, 3) at 0-1, (2, 7, 3) at 2-4, the rest after
    ids = torch.tensor([[2, 5, 6, 3, 0], [2, 3, 0, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])

    found = sentences.gather(outputs, sentences.entire, ids, mask)

    assert found.shape == (2, 5, 2)
    assert found[0, :, 0].tolist() == [10, 12, 14, 16, 16]
    assert found[1, :, 0].tolist() == [0, 2, 2, 2, 2]


def test_a_sentence_that_is_not_there_is_an_error_and_never_another_ones_output():
    ids = torch.tensor([[2, 9, 3]])

    sentences = Sentences(SEQUENCES, 0)
    with pytest.raises(KeyError):
        sentences.gather(StoredRows(torch.zeros(9, 2)), sentences.entire, ids, torch.ones_like(ids))


def test_a_sentence_that_only_a_sentence_head_reads_is_stored_by_its_first_token():
    sentences = Sentences(SEQUENCES, 0, {(2, 5, 6, 3)})
    ids, mask = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), torch.tensor([[1] * 4, [1, 1, 1, 0]])
    outputs = StoredRows(torch.arange(6.0)[:, None])  # (2, 3), (2, 7, 3), and 2 of the longest

    assert (sentences.entire.rows, sentences.for_heads.rows) == (9, 6)
    assert sentences.stored_mask(sentences.for_heads, ids, mask).tolist() == [
        [True, False, False, False],
        [True, True, True, False],
    ]
    found = sentences.gather(outputs, sentences.for_heads, ids, mask)
    assert found[:, :, 0].tolist() == [[5, 5, 5, 5], [2, 3, 4, 4]]


def test_stored_outputs_have_a_digest_and_the_sentences_keep_theirs():
    one, other = Sentences(SEQUENCES, 0), Sentences(SEQUENCES, 0, {(2, 7, 3)})

    assert one.digest == other.digest
    assert one.entire.digest == other.entire.digest == one.for_heads.digest
    assert one.for_heads.digest != other.for_heads.digest


@pytest.mark.parametrize("count", [1, 2, 5, 8, 9, 100])
def test_a_mixed_batch_spans_shortest_and_longest(count):
    sentences = Sentences([(1,) * n for n in range(1, count + 1)], 0)

    lengths = sentences.mixed_batch(8)[1].sum(1).tolist()

    assert lengths[0] == count
    assert lengths[-1] <= 1 + count // 7
