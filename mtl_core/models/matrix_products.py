"""Which of torch's two libraries multiplies matrices on this processor.

torch hands float32 products to MKL, which on AMD processors keeps to 256-bit instructions; oneDNN,
which torch has on board too, uses the 512-bit ones where a processor has them, and is then twice
as fast. Most of a training step is such products.
"""

import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor

from mtl_core.settings import MatrixProducts, asked_matrix_products

TOLERANCE = 1e-5
"""How far a product may be from MKL's, in parts of its largest value."""

LEAST_MULTIPLICATIONS = 2**22
"""Products of fewer stay with MKL. oneDNN makes code for each new shape, which takes as long as so
many, and what heads multiply has other shapes in every step."""

_kept: list[torch.library.Library] = []  # registered for as long as somebody holds it


def compute_with(threads: int) -> None:
    """Have torch take so many threads and the faster products, in this process from now on.

    Raises what `use_fast_products` raises.
    """
    torch.set_num_threads(threads)
    use_fast_products()


def use_fast_products() -> None:
    """Give float32 products to the faster library, in this process and from now on.

    As FREEZE_LAB_MATRIX_PRODUCTS says, or without it by the kind of processor, never by timing:
    the two round differently, and a run must give the same losses tomorrow. Where oneDNN is not
    there or gives something else, torch goes on as it does. Raises BadInput for an unknown wish.
    """
    wished = asked_matrix_products()
    if wished is MatrixProducts.MKL or _kept:
        return
    if (wished is MatrixProducts.ONEDNN or _mkl_holds_back()) and _onednn_agrees():
        _kept.append(_registered())


def _registered() -> torch.library.Library:
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    register: Callable[..., None] = library.impl
    with catch_warnings():
        simplefilter("ignore")  # torch says that its own kernels are replaced
        register("mm", _mm, "CPU", allow_override=True)
        register("addmm", _addmm, "CPU", allow_override=True)
    return library


def products_in_use() -> MatrixProducts:
    """The library that multiplies float32 matrices in this process."""
    return MatrixProducts.ONEDNN if _kept else MatrixProducts.MKL


def _mkl_holds_back() -> bool:
    """Whether this processor has wide instructions that MKL does not use on it."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    mkl = bool(torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]
    return wide and mkl and "AuthenticAMD" in _processor()


@cache
def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()


def _onednn_agrees() -> bool:
    """Try it on all that a step multiplies: as it lies, transposed on either side, with a bias."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        drawn = (torch.randn(shape, generator=generator) for shape in ((48, 33), (33, 40), (40,)))
        left, right, bias = drawn
        lying = [(a, b) for a in (left, _turned(left)) for b in (right, _turned(right))]
        wanted = left.double() @ right.double()
        try:
            found = [onednn_product(a, b) for a, b in lying]
            found += [onednn_product(a, b, bias) - bias for a, b in lying]
        except Exception:  # another build of torch, without the operator or with other arguments
            return False
        apart = max(float((each - wanted).abs().max()) for each in found)
        return apart <= TOLERANCE * float(wanted.abs().max())


def _turned(matrix: Tensor) -> Tensor:
    """The same matrix, stored column by column."""
    return matrix.t().contiguous().t()


def onednn_product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """`left` (m, k) times `right` (k, n) by oneDNN, with a bias (n,) added; all float32."""
    linear: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise.default
    return linear(left, right.t(), bias, "none", [], "")


def _mm(left: Tensor, right: Tensor) -> Tensor:
    """`torch.mm` on the CPU: (m, k) times (k, n)."""
    if _suits(left, right):
        return onednn_product(left, right)
    return torch.mm(left, right, out=_room(left, right))


def _addmm(added: Tensor, left: Tensor, right: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """`torch.addmm` on the CPU: a bias, (n,), and a product, as a linear layer has them; all else
    that may be added is left to torch."""
    plain = beta == 1 and alpha == 1 and added.shape == right.shape[1:]
    if plain and added.dtype is torch.float32 and _suits(left, right):
        return onednn_product(left, right, added)
    return torch.addmm(added, left, right, beta=beta, alpha=alpha, out=_room(left, right))


def _suits(left: Tensor, right: Tensor) -> bool:
    """Whether oneDNN takes these two; to all else torch says what it always says."""
    both = left.dtype is torch.float32 and right.dtype is torch.float32
    fit = left.shape[1] == right.shape[0]
    return both and fit and left.numel() * right.shape[1] >= LEAST_MULTIPLICATIONS


def _room(left: Tensor, right: Tensor) -> Tensor:
    """Where torch's own kernel, which only its form with `out` still reaches, puts a product."""
    return left.new_empty(left.shape[0], right.shape[1])
