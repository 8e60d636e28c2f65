"""Which rate each group learns at, said and done."""

import pytest
import torch

from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.description import ModelDescription
from mtl_core.training.optimizer import PlanOptimizer, group_rates

MAX_GRADIENT_NORM = 1.0
WEIGHT_DECAY = 0.01
WIDTH = 32  # of the tiny encoder
USUAL = {"weight_decay": WEIGHT_DECAY, "max_grad_norm": MAX_GRADIENT_NORM}


def parameters_of(bench):
    return dict(bench.model().named_parameters())


def optimizer(bench, plan, parameters):
    return PlanOptimizer(bench.tables(plan), bench.description, parameters, **USUAL)


def test_discriminative_rates_fall_by_2_6_with_each_layer_and_once_more_below(bench, of):
    plan, rates = bench.scenario("discriminative"), default_rates("discriminative", WIDTH)

    first = of(bench.run(bench.spec(plan)), "step")[0]

    assert first.learning_rates == pytest.approx(
        {
            "classifier": rates.heads,
            "ner": rates.heads,
            "layer 1": rates.encoder,
            "layer 0": rates.encoder / 2.6,
            "embeddings": rates.encoder / 6.76,
        },
        rel=1e-12,
    )


def test_the_rates_of_each_step_are_the_tables_times_the_schedules_factor(bench, of):
    plan = bench.plan(
        ["heads", "top:1"], schedule="linear", learning_rate=2e-4, head_learning_rate=4e-3
    )

    steps = of(bench.run(bench.spec(plan, epochs=4, batch_size=3)), "step")

    assert len(steps) == 16  # warm-up over 2
    for number, factor in ((1, 1 / 2), (2, 1.0), (3, 14 / 15), (9, 8 / 15), (16, 1 / 15)):
        assert steps[number - 1].learning_rates == pytest.approx(
            {"classifier": 4e-3 * factor, "ner": 4e-3 * factor, "layer 1": 2e-4 * factor},
            rel=1e-12,
        )


def test_the_schedule_restarts_in_each_phase(bench, of):
    plan = bench.plan(["heads"], ["heads", "top:1"], schedule="linear", head_learning_rate=3e-3)

    steps = of(bench.run(bench.spec(plan, epochs=2)), "step")

    heads = [step.learning_rates["ner"] for step in steps]
    assert heads == pytest.approx([3e-3, 2e-3, 1e-3] * 2, rel=1e-12)


def test_only_groups_that_learn_in_a_phase_have_a_rate(bench, of):
    steps = of(bench.run(bench.spec("gradual", epochs=3)), "step")

    assert [sorted(step.learning_rates) for step in steps[::3]] == [
        ["classifier", "ner"],
        ["classifier", "layer 1", "ner"],
        ["classifier", "layer 0", "layer 1", "ner"],
    ]


def test_ulmfits_rates_at_each_step_are_those_of_the_paper(bench, of):
    """Phases of 3, 3, 3 and 9 steps, each with a cut of 1: (9 + 31 (10 - t)) / 288 at its step t,
    times the layer's rate, 2.6 times smaller for each layer further down."""
    steps = of(bench.run(bench.spec("ulmfit", epochs=6)), "step")

    rates = default_rates("ulmfit", WIDTH)
    heads = {"classifier": rates.heads, "ner": rates.heads}
    top = {**heads, "layer 1": rates.encoder}
    layers = {**top, "layer 0": rates.encoder / 2.6}
    phases = [
        (3, {"classifier": 1e-2, "ner": 1e-2}),
        (3, top),
        (3, layers),
        (9, {**layers, "embeddings": rates.encoder / 6.76}),
    ]
    wanted = [
        {group: rate * (9 + 31 * (10 - t)) / 288 for group, rate in groups.items()}
        for count, groups in phases
        for t in range(1, count + 1)
    ]
    assert len(steps) == len(wanted) == 18
    for step, expected in zip(steps, wanted, strict=True):
        assert step.learning_rates == pytest.approx(expected, rel=1e-12)


def test_lp_ft_probes_and_then_moves_everything_at_one_rate(bench, of):
    steps = of(bench.run(bench.spec("lp-ft", epochs=2)), "step")

    rates = default_rates("lp-ft", WIDTH)
    probing = dict.fromkeys(("classifier", "ner"), rates.heads)
    everything = dict.fromkeys((*probing, "layer 1", "layer 0", "embeddings"), rates.encoder)
    for step, factor in zip(steps, [1, 2 / 3, 1 / 3] * 2, strict=True):
        groups = probing if step.step <= 3 else everything
        wanted = {group: rate * factor for group, rate in groups.items()}
        assert step.learning_rates == pytest.approx(wanted, rel=1e-12)


def test_chain_thaw_moves_one_part_a_phase_from_the_bottom_up_and_then_all(bench, of):
    steps = of(bench.run(bench.spec("chain-thaw", epochs=5)), "step")

    rates = default_rates("chain-thaw", WIDTH)
    heads = {"classifier": rates.heads, "ner": rates.heads}
    parts = ("embeddings", "layer 0", "layer 1")
    alone = [{part: rates.encoder} for part in parts]
    last = dict.fromkeys((*parts, *heads), rates.encoder)
    for step, wanted in zip(steps[::3], [heads, *alone, last], strict=True):
        assert step.learning_rates == pytest.approx(wanted, rel=1e-12)


def last_move_of_the_ner_bias(bench, plan):
    """Three steps of phase 1 along a gradient of +1, one of a phase in between along the layer's;
    then what one step of the last phase along -1 does to the bias."""
    parameters = parameters_of(bench)
    first, *between, last = bench.tables(plan)
    chosen = optimizer(bench, plan, parameters)
    bias, layer = parameters["ner.bias"], parameters["bert.encoder.layer.0.output.dense.bias"]

    def step(table, parameter, gradient):
        parameter.grad = torch.full_like(parameter, gradient)
        chosen.step(table, 1, 1)

    for _ in range(3):
        step(first, bias, 1.0)
    for table in between:
        if table.totals.trainable:
            step(table, layer, 1.0)
    before = bias.detach().clone()
    step(last, bias, -1.0)
    return (bias.detach() - before).tolist()


@pytest.mark.parametrize("between", [["layer:0"], []])
def test_what_was_frozen_in_between_starts_without_moments(bench, between):
    """Adam's first step is the whole rate along the gradient, whatever came before."""
    plan = bench.plan(["heads"], between, ["heads"], head_learning_rate=1e-2)

    assert last_move_of_the_ner_bias(bench, plan) == pytest.approx([1e-2] * 4, rel=1e-4)


def test_parameters_trained_in_two_phases_keep_their_moments(bench):
    plan = bench.plan(["heads"], ["heads", "layer:0"], head_learning_rate=1e-2)

    # after +g three times and -g once, Adam's mean is (0.1 + 0.09 + 0.081) 0.9 - 0.1, over
    # 1 - 0.9 ** 4, and its root mean square is g: it still goes down
    mean = (0.271 * 0.9 - 0.1) / (1 - 0.9**4)
    assert last_move_of_the_ner_bias(bench, plan) == pytest.approx([-1e-2 * mean] * 4, rel=1e-4)


def test_a_phases_own_rates_replace_the_plans(bench):
    first, second, third = bench.plan(["all"], ["all"], ["all"]).phases
    plan = bench.plan(["all"], learning_rate=1e-4, head_learning_rate=1e-3).model_copy(
        update={
            "phases": (
                first,
                second.model_copy(update={"learning_rate": 7e-4}),
                third.model_copy(update={"learning_rate": 7e-4, "head_learning_rate": 9e-3}),
            )
        }
    )

    rates = [group_rates(table, 1, 1) for table in bench.tables(plan)]

    assert [(each["layer 1"], each["ner"]) for each in rates] == [
        (1e-4, 1e-3),
        (7e-4, 7e-4),
        (7e-4, 9e-3),
    ]


def test_each_group_really_moves_by_its_own_rate(bench, tmp_path):
    """Adam's first step is the rate times the gradient's sign, whatever the gradient's size."""
    plan = bench.plan(
        ["all"], learning_rate=1e-3, head_learning_rate=5e-3, layer_decay=2.6, freeze=("pooler",)
    )
    start = bench.start()

    end = bench.end(bench.spec(plan, batch_size=12), tmp_path / "output")

    rates = {
        "classifier.weight": 5e-3,
        "ner.weight": 5e-3,
        "bert.encoder.layer.1.output.dense.weight": 1e-3,
        "bert.encoder.layer.0.output.dense.weight": 1e-3 / 2.6,
        "bert.embeddings.position_embeddings.weight": 1e-3 / 6.76,
    }
    largest = {name: (end[name] - start[name]).abs().max().item() for name in rates}
    assert largest == pytest.approx(rates, rel=0.02)


def test_tensors_of_one_group_move_by_their_own_rates(bench):
    """Biases that an earlier phase trained keep their rate beside newly thawed weights."""
    biases, layer = bench.plan(["*.bias"], ["top:1"], learning_rate=1e-3).phases
    newly = layer.model_copy(update={"thawed_learning_rate": 1e-5})
    plan = bench.plan(["heads"], learning_rate=1e-3).model_copy(update={"phases": (biases, newly)})
    parameters = parameters_of(bench)
    names = [f"bert.encoder.layer.1.output.dense.{part}" for part in ("bias", "weight")]
    before = {name: parameters[name].detach().clone() for name in names}
    for name in names:
        parameters[name].grad = torch.ones_like(parameters[name])

    shown = optimizer(bench, plan, parameters).step(bench.tables(plan)[1], 1, 1)

    moves = [(before[name] - parameters[name]).abs().mean().item() for name in names]
    assert moves == pytest.approx([1e-3, 1e-5], rel=0.02)
    assert shown == {"layer 1": 1e-3}


def test_without_a_gradient_to_follow_only_matrices_shrink(bench):
    parameters = parameters_of(bench)
    before = {name: each.detach().clone() for name, each in parameters.items()}
    plan = bench.plan(["all"], learning_rate=0.5, head_learning_rate=0.5)
    for each in parameters.values():
        each.grad = torch.zeros_like(each)

    optimizer(bench, plan, parameters).step(bench.tables(plan)[0], 1, 1)

    shrunk = {n for n in before if not torch.equal(before[n], parameters[n])}
    unreached = {"bert.pooler.dense.weight"}
    assert shrunk == {n for n in before if before[n].dim() == 2} - unreached
    name = "bert.encoder.layer.0.output.dense.weight"
    assert torch.allclose(parameters[name], before[name] * (1 - 0.5 * WEIGHT_DECAY), rtol=1e-6)


def test_gradients_are_clipped_together_to_a_norm_of_one_and_then_dropped(bench):
    parameters = parameters_of(bench)
    plan = bench.plan(["head:sentiment"], head_learning_rate=1e-3)
    weight, bias = parameters["classifier.weight"], parameters["classifier.bias"]
    gradients = [torch.full_like(weight, 30.0), torch.full_like(bias, 40.0)]
    weight.grad, bias.grad = gradients

    optimizer(bench, plan, parameters).step(bench.tables(plan)[0], 1, 1)

    together = torch.cat([each.flatten() for each in gradients])
    assert together.norm().item() == pytest.approx(MAX_GRADIENT_NORM, rel=1e-5)
    assert together[-1].item() / together[0].item() == pytest.approx(40 / 30)
    assert (weight.grad, bias.grad) == (None, None)


def test_a_tensor_of_two_names_is_moved_once(bench):
    """No encoder here shares tensors between modules, so this one is made to."""
    owner, tied = (f"bert.encoder.layer.{n}.output.dense.weight" for n in (0, 1))
    model = bench.model()
    model.bert.encoder.layer[1].output.dense.weight = model.bert.encoder.layer[
        0
    ].output.dense.weight
    backbone = bench.description.backbone
    tensors = [
        tensor.model_copy(update={"tied_to": owner}) if tensor.name == tied else tensor
        for tensor in backbone.tensors
    ]
    described = ModelDescription(
        backbone.model_copy(update={"tensors": tuple(tensors)}), bench.description.tasks
    )
    plan = bench.plan(["layer:0"], learning_rate=1e-3)
    (table,) = parameter_tables(plan, described)
    parameters = dict(model.named_parameters())
    before = parameters[owner].detach().clone()
    parameters[owner].grad = torch.ones_like(before)

    PlanOptimizer([table], described, parameters, **USUAL).step(table, 1, 1)

    by_rate = before * (1 - 1e-3 * WEIGHT_DECAY) - 1e-3
    assert torch.allclose(parameters[owner], by_rate, atol=1e-6)


def test_a_step_without_any_gradient_moves_nothing(bench):
    parameters = parameters_of(bench)
    before = {name: each.detach().clone() for name, each in parameters.items()}
    plan = bench.plan(["all"])

    optimizer(bench, plan, parameters).step(bench.tables(plan)[0], 1, 1)

    assert all(torch.equal(before[name], parameters[name]) for name in before)


def test_a_plan_that_freezes_all_has_no_rates_and_can_be_stepped(bench):
    plan = bench.scenario("frozen")

    assert optimizer(bench, plan, parameters_of(bench)).step(bench.tables(plan)[0], 1, 1) == {}


def test_steps_are_those_of_torchs_adamw_with_clipping(bench):
    table = bench.tables(bench.plan(["all"], learning_rate=1e-3, head_learning_rate=1e-2))[0]
    ours, theirs = parameters_of(bench), parameters_of(bench)
    generator = torch.Generator().manual_seed(0)
    learning = {row.name: row for row in table.rows if row.learning_rate and not row.tied_to}
    flat = {each.name for each in bench.description.tensors if each.bias or each.layernorm}
    adamw = torch.optim.AdamW(
        [
            {
                "params": [theirs[name]],
                "lr": row.learning_rate,
                "weight_decay": 0.0 if name in flat else WEIGHT_DECAY,
            }
            for name, row in learning.items()
        ],
        fused=True,
    )
    mine = optimizer(bench, bench.plan(["all"], learning_rate=1e-3, head_learning_rate=1e-2), ours)
    for step in (1, 2, 3):
        for name in learning:
            gradient = torch.randn(ours[name].shape, generator=generator)
            ours[name].grad, theirs[name].grad = gradient, gradient.clone()
        torch.nn.utils.clip_grad_norm_([theirs[name] for name in learning], MAX_GRADIENT_NORM)
        adamw.step()
        mine.step(table, step, 100)

    for name in learning:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-7)
