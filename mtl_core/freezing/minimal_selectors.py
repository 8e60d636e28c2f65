"""Find a short list of selectors that selects exactly a given set of tensors.

Whole blocks come first: all, backbone, heads, top:N, layers:I-J, embeddings. Remaining tensors,
such as the biases of one layer, need other selectors. These are tried in order: selectors already
in use, `biases` and `layernorms`, globs within the block, full names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtl_core.freezing.selectors import matches_glob, select, select_any
from mtl_core.freezing.table import ROLES_TOP_DOWN
from mtl_core.models.description import ModelDescription, Role

_WORDS = ("biases", "layernorms")


@dataclass(frozen=True, slots=True)
class PlanBlock:
    """A block of the model diagram with the selectors that select it.

    `groups` are the parameter table's groups in the block: one group, or all groups outside the
    layers. `selectors` select `tensors`, the names of its unique tensors. A tied name is replaced
    by its owner's.
    """

    groups: tuple[str, ...]
    role: Role
    layer: int | None
    selectors: tuple[str, ...]
    tensors: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the first group, which identifies the block."""
        return self.groups[0]


def plan_blocks(model: ModelDescription) -> tuple[PlanBlock, ...]:
    """The blocks of a model, from top to bottom; every tensor is in a block.

    Order: heads, pooler, layers from the last to the first, tensors outside the layers as one
    block, embeddings.
    """
    found: dict[tuple[Role, int | None, str], list[str]] = {}
    for tensor in model.tensors:
        own = "" if tensor.role is Role.BESIDE else tensor.group
        groups = found.setdefault((tensor.role, tensor.layer, own), [])
        if tensor.group not in groups:
            groups.append(tensor.group)
    ordered = sorted(found, key=lambda key: (ROLES_TOP_DOWN.index(key[0]), -(key[1] or 0)))
    return tuple(_block(key[0], key[1], found[key], model) for key in ordered)


def minimal_selectors(
    names: Iterable[str], model: ModelDescription, known: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return a short list of selectors that selects exactly `names`.

    `known` selectors are tried first for tensors that do not fill a whole block.

    >>> minimal_selectors(heads_and_layers_4_and_5, six_layers)
    ('heads', 'top:2')
    """
    target = frozenset(names)
    blocks = plan_blocks(model)
    if target == frozenset().union(*(block.tensors for block in blocks)):
        return ("all",)
    whole = [block for block in blocks if block.tensors <= target]
    selection = {
        selector: select(selector, model)
        for selector in (*_heads(whole, model), *_backbone(whole, blocks, model))
    }
    covered = frozenset().union(*selection.values())
    selection |= _remaining(target, covered, blocks, model, known)
    return _without_redundant(selection)


def _block(role: Role, layer: int | None, groups: list[str], model: ModelDescription) -> PlanBlock:
    match role:
        case Role.HEAD:
            selectors = [f"head:{task.name}" for task in model.tasks if task.head == groups[0]]
        case Role.LAYER:
            selectors = [f"layer:{layer}"]
        case Role.BESIDE:
            names = {tensor.name for tensor in model.tensors}
            selectors = [group if group in names else f"{group}.*" for group in groups]
        case _:
            selectors = [str(role)]
    tensors = select_any(selectors, model, "the plan")
    return PlanBlock(tuple(groups), role, layer, tuple(selectors), tensors)


def _heads(whole: Sequence[PlanBlock], model: ModelDescription) -> list[str]:
    heads = [block for block in whole if block.role is Role.HEAD]
    if heads and len(heads) == len(model.tasks):
        return ["heads"]
    return [selector for block in heads for selector in block.selectors]


def _backbone(
    whole: Sequence[PlanBlock], blocks: Sequence[PlanBlock], model: ModelDescription
) -> list[str]:
    inside = [block for block in whole if block.role is not Role.HEAD]
    if inside and len(inside) == sum(block.role is not Role.HEAD for block in blocks):
        return ["backbone"]
    layers = sorted(block.layer for block in inside if block.layer is not None)
    rest = [block for block in inside if block.role is not Role.LAYER]
    with_pooler = any(block.role is Role.POOLER for block in rest)
    selectors = _layers(layers, model, top=with_pooler or not model.reads_pooler)
    return [*selectors, *(each for block in rest for each in block.selectors)]


def _layers(layers: Sequence[int], model: ModelDescription, *, top: bool) -> Iterator[str]:
    """One selector per run of consecutive layers, the highest run first.

    `top`: whether `top:N` may be used. It includes the pooler if sentence heads read it.
    """
    last = model.backbone.layers - 1
    if layers and model.backbone.shares_layers:
        yield f"{'top' if top else 'bottom'}:{model.backbone.depth}"
        return
    for first, final in reversed(_runs(layers)):
        count = final - first + 1
        if final == last and top:
            yield f"top:{count}"
        elif first == 0:
            yield f"bottom:{count}"
        else:
            yield f"layer:{first}" if count == 1 else f"layers:{first}-{final}"


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last number of each run of consecutive numbers."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _without_redundant(selection: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Drop each selector whose tensors are all selected by others."""
    needed = dict(selection)
    for selector, names in selection.items():
        rest = (each for other, each in needed.items() if other != selector)
        if names <= frozenset().union(*rest):
            del needed[selector]
    return tuple(needed)


def _remaining(
    target: frozenset[str],
    covered: frozenset[str],
    blocks: Sequence[PlanBlock],
    model: ModelDescription,
    known: Sequence[str],
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield selectors for the tensors outside whole blocks, each with the names it selects.

    Known and general selectors come first, then globs and names block by block.
    """
    for selector in dict.fromkeys((*known, *_WORDS)):
        selected = _selected(selector, model)
        if selected <= target and selected - covered:
            covered |= selected
            yield selector, selected
    for block in blocks:
        if not (missing := (block.tensors & target) - covered):
            continue
        globs = {glob: names for glob, names in _globs(block, model) if names <= target}
        globs |= {name: frozenset({name}) for name in block.tensors if name not in globs}
        while missing:
            best = max(globs, key=lambda glob: (len(globs[glob] & missing), -len(glob), glob))
            missing -= globs[best]
            covered |= globs[best]
            yield best, globs[best]


def _selected(selector: str, model: ModelDescription) -> frozenset[str]:
    """The names that `selector` selects; empty if the model has no biases or no LayerNorms."""
    present = {"biases": "bias", "layernorms": "layernorm"}.get(selector)
    if present and not any(getattr(tensor, present) for tensor in model.tensors):
        return frozenset()
    return select(selector, model)


def _globs(block: PlanBlock, model: ModelDescription) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield glob patterns within a block, each with the names it selects.

    A pattern covers one kind of tensor (`prefix.*.bias`, `prefix.*.LayerNorm.*`) or one module.
    """
    paths = [name.split(".") for name in sorted(block.tensors)]
    shared = _shared_prefix(paths)
    start = ".".join([*shared, ""])
    near = [tensor for tensor in model.tensors if shared and tensor.name.startswith(start)]
    patterns = set()
    for path in paths if shared else ():
        inside = range(len(shared) + 1, len(path))
        patterns |= {".".join([*path[:length], "*"]) for length in inside}
        if len(path) > len(shared) + 1:
            patterns.add(".".join([*shared, "*", path[-1]]))
        if len(path) > len(shared) + 2:
            patterns.add(".".join([*shared, "*", path[-2], "*"]))
    for pattern in sorted(patterns):
        names = (each.tied_to or each.name for each in near if matches_glob(pattern, each.name))
        yield pattern, frozenset(names)


def _shared_prefix(paths: Sequence[Sequence[str]]) -> list[str]:
    """The longest common prefix of `paths`, not counting their last part."""
    shared: list[str] = []
    for parts in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return shared
