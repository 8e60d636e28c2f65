import pytest

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.table import layers_crossed
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import BackboneDescription, BackboneTensor, ModelDescription, Role
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind

BERT = ModelDescription(read_description(shipped_description("bert-base-uncased")), DEFAULT_TASKS)


def crossed(model: ModelDescription, *train: str) -> int:
    plan = Plan(name="plan", phases=(Phase(name="phase", train=train),))
    return layers_crossed(parameter_table(plan, model), model.backbone)


@pytest.mark.parametrize(
    ("train", "layers"),
    [
        ((), 0),
        (("heads",), 0),
        (("heads", "pooler"), 0),
        (("heads", "top:1"), 1),
        (("heads", "layer:5"), 7),
        (("heads", "bottom:1"), 12),
        (("heads", "biases"), 12),
        (("embeddings",), 12),
    ],
)
def test_the_lowest_tensor_that_learns_decides_how_far_the_gradient_goes(
    train: tuple[str, ...], layers: int
) -> None:
    assert crossed(BERT, *train) == layers


def test_layers_that_share_their_weights_are_all_crossed_or_none() -> None:
    layer = BackboneTensor(
        name="net.layer.weight",
        shape=(8, 8),
        dtype="float32",
        role=Role.LAYER,
        layer=0,
        reached_by=(TaskKind.SENTENCE, TaskKind.TOKEN),
    )
    backbone = BackboneDescription(
        architecture="invented",
        prefix="net",
        hidden_size=8,
        depth=12,
        layers=1,
        heads_per_layer=2,
        intermediate_size=8,
        vocabulary_size=8,
        max_positions=None,
        tensors=(layer,),
    )
    model = ModelDescription(backbone, DEFAULT_TASKS)
    assert crossed(model, "backbone") == 12
    assert crossed(model, "heads") == 0
