import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl_core.errors import BadInput
from mtl_core.models import matrix_products
from mtl_core.models.matrix_products import products_in_use, use_fast_products
from mtl_core.settings import MatrixProducts


@pytest.fixture(autouse=True)
def onednn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Products by oneDNN, whatever the processor and their size, for the time of a test."""
    before = products_in_use()
    matrix_products._registrations.clear()
    monkeypatch.setenv("FREEZE_LAB_MATRIX_PRODUCTS", "onednn")
    monkeypatch.setattr(matrix_products, "MIN_MULTIPLICATIONS", 1)
    use_fast_products()
    yield
    monkeypatch.undo()
    matrix_products._registrations.clear()
    monkeypatch.setenv("FREEZE_LAB_MATRIX_PRODUCTS", before)
    use_fast_products()


def whole_numbers(*shape: int) -> Tensor:
    """Small ones, whose products every library gives exactly."""
    return torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.parametrize("tokens", [1, 2, 37])
@pytest.mark.parametrize("turned", [False, True])
def test_products_are_those_of_torch(tokens: int, turned: bool) -> None:
    left, right = whole_numbers(tokens, 24), whole_numbers(24, 10)
    wanted = (left.double() @ right.double()).float()
    if turned:
        right = right.t().contiguous().t()
    assert products_in_use() is MatrixProducts.ONEDNN
    assert torch.equal(left @ right, wanted)
    assert torch.equal(torch.addmm(whole_numbers(10), left, right), wanted + whole_numbers(10))


def test_cuts_of_a_matrix_and_repeated_rows_are_multiplied_as_they_lie() -> None:
    wide, right = whole_numbers(9, 20), whole_numbers(7, 4)
    assert torch.equal(wide[:, 3:10] @ right, wide[:, 3:10].contiguous() @ right)
    row = whole_numbers(1, 7).expand(5, 7)
    assert torch.equal(row @ right, row.contiguous() @ right)
    assert torch.equal(row.t() @ whole_numbers(5, 4), row.t().contiguous() @ whole_numbers(5, 4))


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.bfloat16])
def test_what_is_no_float32_is_left_to_torch(dtype: torch.dtype) -> None:
    left, right = whole_numbers(5, 6).to(dtype), whole_numbers(6, 4).to(dtype)
    wanted = (left.double() @ right.double()).to(dtype)
    assert torch.equal(left @ right, wanted)
    assert torch.equal(torch.addmm(wanted, left, right), 2 * wanted)


def test_a_matrix_or_a_part_of_a_bias_may_be_added_and_nothing_may_be_multiplied() -> None:
    left, right = whole_numbers(5, 6), whole_numbers(6, 4)
    product = left @ right
    assert torch.equal(torch.addmm(product, left, right, beta=2, alpha=3), 5 * product)
    assert torch.equal(torch.addmm(torch.ones(1), left, right), product + 1)
    assert (torch.empty(0, 6) @ right).shape == (0, 4)
    assert torch.equal(torch.empty(5, 0) @ torch.empty(0, 4), torch.zeros(5, 4))


def test_shapes_that_do_not_fit_are_refused_as_torch_refuses_them() -> None:
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        whole_numbers(5, 6) @ whole_numbers(5, 4)


def test_small_products_stay_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    product = matrix_products.onednn_product
    monkeypatch.setattr(
        matrix_products,
        "onednn_product",
        lambda *all_: taken.append(len(all_[0])) or product(*all_),
    )
    monkeypatch.setattr(matrix_products, "MIN_MULTIPLICATIONS", 2**22)
    for rows in (127, 128):
        whole_numbers(rows, 256) @ whole_numbers(256, 128)
    assert taken == [128]


def test_gradients_flow_through_them() -> None:
    layer = nn.Linear(24, 10)
    states = whole_numbers(2, 5, 24).requires_grad_()
    weighted = whole_numbers(2, 5, 10)
    (functional.linear(states, layer.weight, layer.bias) * weighted).sum().backward()
    assert states.grad is not None
    assert layer.weight.grad is not None
    back = torch.einsum("bto,oh->bth", weighted.double(), layer.weight.detach().double())
    torch.testing.assert_close(states.grad, back.float())
    by_hand = torch.einsum("bto,bth->oh", weighted, states.detach())
    assert torch.equal(layer.weight.grad, by_hand)


def test_a_product_is_equal_to_the_bit_at_any_memory_address() -> None:
    left, right = torch.randn(37, 48), torch.randn(48, 20)
    first = left @ right
    for shift in range(1, 9):
        moved = torch.empty(37 * 48 + shift)[shift:].view(37, 48).copy_(left)
        assert torch.equal(moved @ right, first)


def test_without_a_wish_the_processor_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix_products._registrations.clear()
    monkeypatch.delenv("FREEZE_LAB_MATRIX_PRODUCTS")
    monkeypatch.setattr(matrix_products, "_processor", lambda: "vendor_id : GenuineIntel")
    use_fast_products()
    assert products_in_use() is MatrixProducts.MKL


def test_an_amd_processor_with_wide_instructions_takes_onednn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matrix_products._registrations.clear()
    monkeypatch.delenv("FREEZE_LAB_MATRIX_PRODUCTS")
    monkeypatch.setattr(matrix_products, "_processor", lambda: "vendor_id : AuthenticAMD")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    use_fast_products()
    assert products_in_use() is MatrixProducts.ONEDNN


def test_a_library_that_gives_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matrix_products._registrations.clear()
    right = matrix_products.onednn_product
    monkeypatch.setattr(matrix_products, "onednn_product", lambda *given: right(*given) * 1.001)
    use_fast_products()
    assert products_in_use() is MatrixProducts.MKL


def test_a_wish_for_mkl_leaves_torch_as_it_is() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from mtl_core.models.matrix_products import products_in_use, use_fast_products;"
            "use_fast_products(); print(products_in_use())",
        ],
        env={**os.environ, "FREEZE_LAB_MATRIX_PRODUCTS": "mkl"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "mkl\n"


def test_an_unknown_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix_products._registrations.clear()
    monkeypatch.setenv("FREEZE_LAB_MATRIX_PRODUCTS", "blis")
    with pytest.raises(BadInput, match="FREEZE_LAB_MATRIX_PRODUCTS=blis: mkl or onednn is needed"):
        use_fast_products()
