"""Moves batches from the CPU to the device of a run."""

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor` on `device`; a copy to a GPU does not wait for what the GPU is computing.

    Only a copy from page-locked ("pinned") memory can run beside the computation. torch keeps such
    memory until the copy has ended (PyTorch documentation, "CUDA semantics").
    """
    if tensor.device.type != "cpu" or torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
