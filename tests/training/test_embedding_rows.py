"""The word embedding learns as AdamW has it, though most of its rows are never visited."""

import pytest
import torch
from torch import nn

from mtl_core.training import run
from mtl_core.training.embedding_rows import EmbeddingRows, embedding_rows

READ = range(3, 40)


def two_alike() -> tuple[nn.Embedding, nn.Embedding]:
    one, other = nn.Embedding(60, 32), nn.Embedding(60, 32)
    with torch.no_grad():
        other.weight.copy_(one.weight)
    return one, other


def adamw(parameter: nn.Parameter) -> torch.optim.AdamW:
    return torch.optim.AdamW([parameter], lr=1e-2, weight_decay=0.1, fused=True)


def test_rows_are_those_of_adamw_over_all_rows(global_random_state):
    torch.manual_seed(0)
    whole, lean = two_alike()
    rows = EmbeddingRows(lean, READ)
    over_all, over_rows = adamw(whole.weight), adamw(rows.part)
    start = whole.weight.detach().clone()

    for _ in range(30):
        ids, upward = torch.randint(3, 40, (4, 5)), torch.randn(4, 5, 32)
        for embedding in (whole, lean):
            embedding(ids).backward(upward)
        rows.take_gradient()
        for optimizer in (over_all, over_rows):
            optimizer.step()
            optimizer.zero_grad()
        rows.write_back(1 - 1e-2 * 0.1)
    unread = [n for n in range(60) if n not in READ]
    assert torch.equal(lean.weight[unread], start[unread])  # their decay is still to come
    rows.decay_unread_rows()
    rows.decay_unread_rows()  # without a step in between it changes nothing

    assert torch.equal(whole.weight[list(READ)], lean.weight[list(READ)])  # to the bit
    torch.testing.assert_close(whole.weight, lean.weight, rtol=1e-6, atol=0)
    assert not (lean.weight == start).any()


def test_a_row_read_twice_in_a_batch_gets_both_gradients():
    embedding = nn.Embedding(10, 1)
    rows = EmbeddingRows(embedding, [2, 5])

    embedding(torch.tensor([5, 5, 2])).sum().backward()
    rows.take_gradient()

    assert rows.part.grad.tolist() == [[1.0], [2.0]]
    assert embedding.weight.grad is None


def test_a_gradient_of_a_row_that_was_not_named_is_refused():
    embedding = nn.Embedding(10, 1)
    rows = EmbeddingRows(embedding, [2, 5])
    embedding(torch.tensor([7])).sum().backward()

    with pytest.raises(RuntimeError, match="index -1 is out of bounds"):
        rows.take_gradient()


def test_without_a_gradient_there_is_none_to_take():
    rows = EmbeddingRows(nn.Embedding(10, 1), [2, 5])

    rows.take_gradient()

    assert rows.part.grad is None


def test_an_embedding_that_another_module_shares_is_left_to_adamw(bench):
    backbone = bench.model().bert
    learning = [*backbone.parameters()]
    assert embedding_rows(backbone, learning, [(5, 6)], 0) is not None
    backbone.pooler.decoder = nn.Linear(1, 1)
    backbone.pooler.decoder.weight = backbone.embeddings.word_embeddings.weight

    assert embedding_rows(backbone, learning, [(5, 6)], 0) is None


def test_of_an_embedding_that_does_not_learn_no_rows_are_held(bench):
    backbone = bench.model().bert

    assert embedding_rows(backbone, backbone.encoder.parameters(), [(5, 6)], 0) is None


@pytest.mark.parametrize("scenario", ["full", "chain-thaw", "lp-ft", "discriminative"])
def test_a_run_ends_where_the_run_that_visits_every_row_ends(
    bench, of, written, tmp_path, monkeypatch, scenario
):
    spec = bench.spec(scenario, epochs=5, weight_decay=1.0)  # unread rows move visibly
    lean = bench.run(spec, tmp_path / "lean")
    monkeypatch.setattr(run, "embedding_rows", lambda *_: None)

    whole = bench.run(spec, tmp_path / "whole")

    ours, theirs = written(tmp_path / "lean"), written(tmp_path / "whole")
    # The norm of all gradients may be summed up in another order.
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in theirs)
    losses, others = (
        [loss for step in of(events, "step") for loss in step.loss.values() if loss is not None]
        for events in (lean, whole)
    )
    assert losses == pytest.approx(others, rel=1e-5)
