"""Selects the library that torch uses for float32 matrix products on the CPU.

By default torch uses MKL, which is limited to 256-bit instructions on AMD processors. oneDNN,
which is also part of torch, uses 512-bit instructions if available and is then twice as fast.
Most of a training step consists of such products.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor

from mtl_core.models.dropout_masks import use_fast_dropout
from mtl_core.settings import MatrixProducts, requested_matrix_products

TOLERANCE = 1e-5
"""Maximum deviation of a product, relative to its largest value."""

MIN_MULTIPLICATIONS = 2**22
"""Smaller products use MKL. oneDNN compiles code for each new shape, which takes about as long as
this many multiplications, and the heads' products have new shapes in every step."""

_registrations: list[torch.library.Library] = []  # a registration ends when its object is deleted


def compute_with(threads: int) -> None:
    """Set the threads, the matrix library and the kernel of dropout masks of this process.

    Raises BadInput if FREEZE_LAB_MATRIX_PRODUCTS names no library.
    """
    torch.set_num_threads(threads)
    use_fast_products()
    use_fast_dropout()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread inside the block.

    For small products only: handing them to other threads takes longer than computing them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def use_fast_products() -> None:
    """Use oneDNN for float32 products in this process where it is faster.

    FREEZE_LAB_MATRIX_PRODUCTS decides; without it the type of the processor does. Timing is never
    used, because the libraries round differently and losses must be reproducible. If oneDNN is
    missing or gives different results, MKL stays in use.
    Raises BadInput if FREEZE_LAB_MATRIX_PRODUCTS names no library.
    """
    requested = requested_matrix_products()
    if requested is MatrixProducts.MKL or _registrations:
        return
    if (requested is MatrixProducts.ONEDNN or _mkl_is_slower()) and _onednn_agrees():
        _registrations.append(_registered())


def _registered() -> torch.library.Library:
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    register: Callable[..., None] = library.impl
    with catch_warnings():
        simplefilter("ignore")  # torch warns that its own kernels are replaced
        register("mm", _mm, "CPU", allow_override=True)
        register("addmm", _addmm, "CPU", allow_override=True)
    return library


def products_in_use() -> MatrixProducts:
    """The library that multiplies float32 matrices in this process."""
    return MatrixProducts.ONEDNN if _registrations else MatrixProducts.MKL


def _mkl_is_slower() -> bool:
    """Whether this processor has 512-bit instructions that MKL does not use."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    mkl = bool(torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]
    return wide and mkl and "AuthenticAMD" in _processor()


@cache
def processor_name() -> str:
    """The name of the processor's model, as the system reports it; empty if it reports none."""
    lines = _processor().splitlines()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor()


@cache
def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()


def _onednn_agrees() -> bool:
    """Whether oneDNN gives correct products: plain, with transposed factors, and with a bias."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        samples = (torch.randn(shape, generator=generator) for shape in ((48, 33), (33, 40), (40,)))
        left, right, bias = samples
        factors = [(a, b) for a in (left, _by_column(left)) for b in (right, _by_column(right))]
        expected = left.double() @ right.double()
        try:
            found = [onednn_product(a, b) for a, b in factors]
            found += [onednn_product(a, b, bias) - bias for a, b in factors]
        except Exception:  # another build of torch, without the operator or with other arguments
            return False
        deviation = max(float((each - expected).abs().max()) for each in found)
        return deviation <= TOLERANCE * float(expected.abs().max())


def _by_column(matrix: Tensor) -> Tensor:
    """The same matrix in column-major order."""
    return matrix.t().contiguous().t()


def onednn_product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product of `left` (m, k) and `right` (k, n) plus `bias` (n,), computed by oneDNN."""
    linear: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise.default
    return linear(left, right.t(), bias, "none", [], "")


def _mm(left: Tensor, right: Tensor) -> Tensor:
    """`torch.mm` on the CPU: (m, k) times (k, n)."""
    if _uses_onednn(left, right):
        return onednn_product(left, right)
    return torch.mm(left, right, out=_output(left, right))


def _addmm(added: Tensor, left: Tensor, right: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`torch.addmm` on the CPU: a bias (n,) plus a product, as in a linear layer.

    All other cases use torch's own kernel.
    """
    plain = beta == 1 and alpha == 1 and added.shape == right.shape[1:]
    if plain and added.dtype is torch.float32 and _uses_onednn(left, right):
        return onednn_product(left, right, added)
    return torch.addmm(added, left, right, beta=beta, alpha=alpha, out=_output(left, right))


def _uses_onednn(left: Tensor, right: Tensor) -> bool:
    """Whether oneDNN computes the product of these factors."""
    both = left.dtype is torch.float32 and right.dtype is torch.float32
    fit = left.shape[1] == right.shape[0]
    return both and fit and left.numel() * right.shape[1] >= MIN_MULTIPLICATIONS


def _output(left: Tensor, right: Tensor) -> Tensor:
    """The output of torch's own kernel, which can only be called with `out` after the override."""
    return left.new_empty(left.shape[0], right.shape[1])
