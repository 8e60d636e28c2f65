"""Measure the training speed of this machine with a small, randomly initialized encoder.

Takes a few seconds of processor time and needs torch, so the server runs it in a child process.
"""

from collections.abc import Callable
from time import perf_counter

import torch

from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.speed import Speed, machine
from mtl_core.cost.trace import trace_costs
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.clipping import clip_before_step
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.matrix_products import compute_with
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.settings import Settings
from mtl_core.tasks.task import DEFAULT_TASKS

_SENTENCES, _TOKENS = 16, 64
_ROUNDS = 5


def measure_speed(settings: Settings) -> Speed:
    """Time the forward pass, backward pass and optimizer step of a small encoder.

    Uses the number of threads of a run. The state of torch's random generator is not changed.
    """
    from transformers import AutoModel, BertConfig

    before = torch.get_num_threads()
    compute_with(settings.threads)
    try:
        config = BertConfig(
            vocab_size=4000,
            hidden_size=384,
            num_hidden_layers=2,
            num_attention_heads=12,
            intermediate_size=1536,
        )
        with torch.random.fork_rng(devices=[]):
            encoder = AutoModel.from_config(config, dtype=torch.float32)
            model = MultiTaskModel(encoder, DEFAULT_TASKS, seed=0)
            description = ModelDescription(describe(config), DEFAULT_TASKS)
            table = parameter_table(scenario_plan("full", description), description)
            cost = step_cost(trace_costs(config), description, table, _SENTENCES, _TOKENS)
            apply_phase(table, model)
            return _measure(model, cost, settings)
    finally:
        torch.set_num_threads(before)


def _measure(model: MultiTaskModel, cost: StepCost, settings: Settings) -> Speed:
    ids = torch.randint(1000, 4000, (_SENTENCES, _TOKENS))
    mask = torch.ones_like(ids)
    optimizer = torch.optim.AdamW(
        [each for each in model.parameters() if each.requires_grad], lr=1e-4, fused=True
    )
    losses: list[torch.Tensor] = []

    def forward() -> None:
        logits = model(ids, mask).values()
        losses[:] = [torch.stack([each.square().mean() for each in logits]).sum()]

    def backward() -> None:
        losses.pop().backward()  # type: ignore[no-untyped-call]

    def evaluation() -> None:
        model.eval()
        with torch.no_grad():
            model(ids, mask)
        model.train()

    def update() -> None:
        trained = [each for each in model.parameters() if each.grad is not None]
        norms = [torch.linalg.vector_norm(each.grad) for each in trained if each.grad is not None]
        clip_before_step(optimizer, trained, torch.linalg.vector_norm(torch.stack(norms)), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    times: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for name, work in (
            ("evaluation", evaluation),
            ("forward", forward),
            ("backward", backward),
            ("update", update),
        ):
            times.setdefault(name, []).append(_seconds(work))
    # the fastest round is the least disturbed by other processes
    best = {name: min(each) for name, each in times.items()}
    return Speed(
        machine=machine(settings),
        forward_seconds_per_flop=best["evaluation"] / cost.forward_flops,
        keeping_seconds_per_byte=max(best["forward"] - best["evaluation"], 0.0)
        / cost.saved_activation_bytes,
        backward_seconds_per_flop=best["backward"] / cost.backward_flops,
        optimizer_seconds_per_parameter=best["update"] / (cost.gradient_bytes / 4),
    )


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
