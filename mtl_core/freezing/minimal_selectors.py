"""The fewest selectors that select a given set of tensors, no more and no less.

Whole blocks first, in the words of a plan: all, backbone, heads, top:N, layers:I-J, embeddings …
What is left over, such as the biases of a layer, is said by a selector that was there before, by
biases or layernorms, by a glob within its block, and at last by its whole name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtl_core.freezing.selectors import matches_glob, select, select_any
from mtl_core.models.description import ModelDescription, Role

_ORDER = {Role.HEAD: 0, Role.POOLER: 1, Role.LAYER: 2, Role.BESIDE: 3, Role.EMBEDDINGS: 4}
_WORDS = ("biases", "layernorms")


@dataclass(frozen=True, slots=True)
class PlanBlock:
    """A block of the picture as a plan speaks of it.

    `groups` are the table's groups in it: one, or all that stand beside the stack. `selectors`
    select `tensors`, the names of its unique tensors; a tied name stands for its owner.
    """

    groups: tuple[str, ...]
    role: Role
    layer: int | None
    selectors: tuple[str, ...]
    tensors: frozenset[str]

    @property
    def name(self) -> str:
        """The first of its groups, by which a click names the block."""
        return self.groups[0]


def plan_blocks(model: ModelDescription) -> tuple[PlanBlock, ...]:
    """The blocks from top to bottom: heads, pooler, layers downward, what stands beside the
    stack as one, embeddings. Together they hold every tensor."""
    found: dict[tuple[Role, int | None, str], list[str]] = {}
    for tensor in model.tensors:
        own = "" if tensor.role is Role.BESIDE else tensor.group
        groups = found.setdefault((tensor.role, tensor.layer, own), [])
        if tensor.group not in groups:
            groups.append(tensor.group)
    ordered = sorted(found, key=lambda key: (_ORDER[key[0]], -(key[1] or 0)))
    return tuple(_block(key[0], key[1], found[key], model) for key in ordered)


def minimal_selectors(
    names: Iterable[str], model: ModelDescription, known: Sequence[str] = ()
) -> tuple[str, ...]:
    """Selectors that select exactly `names`; `known` are tried for what is no whole block.

    >>> minimal_selectors(heads_and_layers_4_and_5, six_layers)
    ('heads', 'top:2')
    """
    wanted = frozenset(names)
    blocks = plan_blocks(model)
    if wanted == frozenset().union(*(block.tensors for block in blocks)):
        return ("all",)
    whole = [block for block in blocks if block.tensors <= wanted]
    chosen = {
        selector: select(selector, model)
        for selector in (*_heads(whole, model), *_backbone(whole, blocks, model))
    }
    covered = frozenset().union(*chosen.values())
    chosen |= _leftovers(wanted, covered, blocks, model, known)
    return _without_needless(chosen)


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
    return [*_layers(layers, model), *(each for block in rest for each in block.selectors)]


def _layers(layers: Sequence[int], model: ModelDescription) -> Iterator[str]:
    """One selector for each run of neighbours, the highest run first."""
    last = model.backbone.layers - 1
    if layers and model.backbone.shares_layers:
        yield f"top:{model.backbone.depth}"
        return
    for first, final in reversed(_runs(layers)):
        count = final - first + 1
        if final == last:
            yield f"top:{count}"
        elif first == 0:
            yield f"bottom:{count}"
        else:
            yield f"layer:{first}" if count == 1 else f"layers:{first}-{final}"


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _without_needless(chosen: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Leave out each selector whose tensors the others select: a norm beside `layernorms`."""
    needed = dict(chosen)
    for selector, names in chosen.items():
        rest = (each for other, each in needed.items() if other != selector)
        if names <= frozenset().union(*rest):
            del needed[selector]
    return tuple(needed)


def _leftovers(
    wanted: frozenset[str],
    covered: frozenset[str],
    blocks: Sequence[PlanBlock],
    model: ModelDescription,
    known: Sequence[str],
) -> Iterator[tuple[str, frozenset[str]]]:
    """Selectors for what no whole block holds, each with what it selects: block by block once the
    general words are used."""
    for selector in dict.fromkeys((*known, *_WORDS)):
        selected = _selected(selector, model)
        if selected <= wanted and selected - covered:
            covered |= selected
            yield selector, selected
    for block in blocks:
        if not (missing := (block.tensors & wanted) - covered):
            continue
        globs = {glob: names for glob, names in _globs(block, model) if names <= wanted}
        globs |= {name: frozenset({name}) for name in block.tensors if name not in globs}
        while missing:
            best = max(globs, key=lambda glob: (len(globs[glob] & missing), -len(glob), glob))
            missing -= globs[best]
            covered |= globs[best]
            yield best, globs[best]


def _selected(selector: str, model: ModelDescription) -> frozenset[str]:
    """What `selector` selects; nothing where a word means nothing on this model."""
    present = {"biases": "bias", "layernorms": "layernorm"}.get(selector)
    if present and not any(getattr(tensor, present) for tensor in model.tensors):
        return frozenset()
    return select(selector, model)


def _globs(block: PlanBlock, model: ModelDescription) -> Iterator[tuple[str, frozenset[str]]]:
    """Patterns within a block, each with what it selects: a kind of tensor (`prefix.*.bias`,
    `prefix.*.LayerNorm.*`), or all that is below one of its modules."""
    paths = [name.split(".") for name in sorted(block.tensors)]
    shared = _shared_prefix(paths)
    begins = ".".join([*shared, ""])
    near = [tensor for tensor in model.tensors if shared and tensor.name.startswith(begins)]
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
    """The dotted parts with which all of `paths` begin, their last part left out."""
    shared: list[str] = []
    for parts in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return shared
