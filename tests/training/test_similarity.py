"""Linear CKA of small matrices, and the cosine of gradients, worked by hand."""

import pytest
import torch

from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.loaded_run import load_run
from mtl_core.training.measures import interference
from mtl_core.training.measures.interference import cosine, gradient_cosines
from mtl_core.training.measures.similarity import linear_cka, sample_sentences


def drawn(rows, columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)


def test_a_matrix_is_like_itself_and_like_any_rotation_shift_and_scale_of_itself():
    matrix = drawn(50, 6)
    rotation = torch.linalg.qr(drawn(6, 6, seed=1)).Q

    assert linear_cka(matrix, matrix) == pytest.approx(1.0, abs=1e-12)
    assert linear_cka(matrix, matrix @ rotation) == pytest.approx(1.0, abs=1e-12)
    assert linear_cka(matrix, 3 * matrix + 5) == pytest.approx(1.0, abs=1e-12)


def test_cka_of_small_matrices_is_what_the_formula_gives():
    """Centred, with 1 and -1 as columns: X'X = diag(4, 4), Y'Y = 4, Y'X = (4, 0)."""
    one = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    other = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])

    # 4**2 / (sqrt(4**2 + 4**2) * 4) = 1 / sqrt(2)
    assert linear_cka(one, other) == pytest.approx(2**-0.5, abs=1e-7)
    assert linear_cka(one[:, :1], one[:, 1:]) == 0.0


def test_cka_of_what_does_not_vary_does_not_exist():
    assert linear_cka(torch.ones(4, 2), drawn(4, 2).float()) is None


def test_sentences_are_taken_from_each_kind_in_turn_up_to_the_tokens(bench):
    examples = load_run(bench.spec("full")).validation.examples

    chosen = sample_sentences(examples, max_tokens=26)

    assert [set(each.labels) for each in chosen] == [{"sentiment"}, {"ner"}] * 2
    assert sum(len(each.input_ids) for each in chosen) <= 26
    assert len(sample_sentences(examples, max_tokens=10_000)) == len(examples)


def test_the_cosine_of_small_gradients_is_what_the_formula_gives():
    one = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]]), None]
    other = [torch.tensor([0.0, 5.0]), torch.tensor([[2.0]]), torch.tensor([7.0])]

    # 8 / (5 * sqrt(25 + 4 + 49))
    assert cosine(one, other) == pytest.approx(8 / (5 * 78**0.5))
    assert cosine(one, one) == pytest.approx(1.0)
    assert cosine(one, [-each if each is not None else None for each in one]) == -1.0
    assert cosine(one, [None, None, None]) is None


def test_gradients_that_name_their_rows_have_the_cosine_of_dense_ones():
    dense = [drawn(6, 3, seed).float() for seed in (1, 2)]
    dense[0][[0, 2]] = 0
    dense[1][[2, 5]] = 0
    sparse = [each.to_sparse(1) for each in dense]

    assert cosine([sparse[0]], [sparse[1]]) == pytest.approx(cosine([dense[0]], [dense[1]]))


def test_two_tasks_of_the_same_data_and_head_pull_the_same_way(bench):
    loaded = load_run(bench.spec("full"))
    model, pad = loaded.model, loaded.pad_id
    twin = Task(name="twin", kind=TaskKind.SENTENCE, head="twin", outputs=("negative", "positive"))
    model.add_module("twin", model.classifier)
    model.tasks = (model.tasks[0], twin)
    shared = {f"bert.{name}": each for name, each in model.backbone.named_parameters()}
    examples = [
        type(each)(each.input_ids, each.labels | {"twin": each.labels["sentiment"]})
        for each in loaded.training
        if "sentiment" in each.labels
    ]

    found = gradient_cosines(model, shared, examples, pad)

    assert found == {("sentiment", "twin"): pytest.approx((1.0,), abs=1e-6)}  # of 8 sentences

    many = gradient_cosines(model, shared, examples * 9, pad)
    assert many == {("sentiment", "twin"): pytest.approx((1.0,) * 4, abs=1e-6)}


def test_each_cosine_is_that_of_the_next_sentences_of_both_tasks(bench, monkeypatch):
    monkeypatch.setattr(interference, "SENTENCES", 2)
    loaded = load_run(bench.spec("full"))
    shared = {f"bert.{name}": each for name, each in loaded.model.backbone.named_parameters()}
    pair, examples = ("sentiment", "ner"), loaded.training

    def cosines(chosen):
        return gradient_cosines(loaded.model, shared, chosen, loaded.pad_id)[pair]

    tasks = [[each for each in examples if task in each.labels] for task in pair]
    second = cosines([each for own in tasks for each in own[2:4]])
    assert len(cosines(examples)) == min(4, *(len(own) // 2 for own in tasks))
    assert cosines(examples)[1] == second[0] != cosines(examples)[0]


def test_a_task_without_sentences_takes_no_batch_from_the_other_pairs(bench, monkeypatch):
    monkeypatch.setattr(interference, "SENTENCES", 2)
    loaded = load_run(bench.spec("full"))
    model, pad = loaded.model, loaded.pad_id
    shared = {f"bert.{name}": each for name, each in model.backbone.named_parameters()}
    before = gradient_cosines(model, shared, loaded.training, pad)["sentiment", "ner"]
    empty = Task(name="empty", kind=TaskKind.SENTENCE, head="empty", outputs=("no", "yes"))
    model.add_module("empty", model.classifier)
    model.tasks = (*model.tasks, empty)
    found = gradient_cosines(model, shared, loaded.training, pad)
    assert len(before) > 1
    assert found["sentiment", "ner"] == before
    assert found["sentiment", "empty"] == found["ner", "empty"] == (None,)


def test_long_batches_are_measured_in_passes_with_the_same_cosine(bench, monkeypatch):
    loaded = load_run(bench.spec("full"))
    model, pad = loaded.model, loaded.pad_id
    shared = {f"bert.{name}": each for name, each in model.backbone.named_parameters()}
    tokens = []

    def hidden(ids, mask):
        tokens.append(ids.numel())
        return model.hidden(ids, mask)

    whole = gradient_cosines(model, shared, loaded.training, pad, hidden)
    assert len(tokens) == 2
    longest = max(len(each.input_ids) for each in loaded.training)
    monkeypatch.setattr(interference, "PACKED_TOKENS", 2 * longest)
    tokens.clear()
    passes = gradient_cosines(model, shared, loaded.training, pad, hidden)
    assert len(tokens) > 2
    assert max(tokens) <= 2 * longest
    assert passes["sentiment", "ner"] == pytest.approx(whole["sentiment", "ner"], abs=1e-5)


def test_looking_at_gradients_leaves_flags_modes_and_gradients_as_they_were(bench):
    loaded = load_run(bench.spec("full"))
    model = loaded.model.train()
    parameters = dict(model.named_parameters())
    frozen = next(name for name in parameters if "layer.0" in name)
    parameters[frozen].requires_grad_(False)

    gradient_cosines(model, {frozen: parameters[frozen]}, loaded.training, loaded.pad_id)

    assert [name for name, each in parameters.items() if not each.requires_grad] == [frozen]
    assert all(each.grad is None for each in parameters.values())
    assert all(module.training for module in model.modules())
