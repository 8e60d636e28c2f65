"""Selectors: expressions in a plan that select tensors of a model.

    all  backbone  embeddings  heads  head:TASK  layer:I  layers:I-J  top:N  bottom:N
    biases  layernorms  pooler  or a glob over whole dotted names, e.g. bert.encoder.layer.1.*

A norm after the last layer belongs to the top layer. `top:N` includes the pooler if it is what
sentence heads read.

Globs are matched segment by segment, so `layer.1` does not match `layer.11`. A segment `*` matches
one or more segments; a wildcard inside a segment matches only within that segment.
"""

import re
from collections.abc import Callable, Collection, Sequence
from fnmatch import translate
from functools import lru_cache

from mtl_core.errors import InvalidPlan, SelectorMatchesNothing
from mtl_core.models.description import ModelDescription, ModelTensor, Role
from mtl_core.nearest import nearest_names
from mtl_core.text import shortened

Predicate = Callable[[ModelTensor], bool]

_Segment = Callable[[str], object] | None
"""The test of one segment; None is `*`, one or more segments."""

LONGEST, MOST = 200, 1_000
"""The most characters of a selector, and the most selectors of a plan."""

_WORDS: dict[str, Predicate] = {
    "all": lambda _: True,
    "backbone": lambda tensor: tensor.role is not Role.HEAD,
    "embeddings": lambda tensor: tensor.role is Role.EMBEDDINGS,
    "heads": lambda tensor: tensor.role is Role.HEAD,
    "pooler": lambda tensor: tensor.role is Role.POOLER,
    "biases": lambda tensor: tensor.bias,
    "layernorms": lambda tensor: tensor.layernorm,
}
_COUNTED = re.compile(r"(layer|layers|top|bottom|head):(.*)")


def select(selector: str, model: ModelDescription, where: str = "the plan") -> frozenset[str]:
    """Return the names of the unique tensors that `selector` selects.

    A tied name selects its owner. `where` is the location of the selector, for error messages.
    Raises SelectorMatchesNothing, or InvalidPlan for a number out of range or a long selector.
    """
    if len(selector) > LONGEST:
        raise InvalidPlan(
            f"'{shortened(selector, 40)}' in {where} has {len(selector):,} characters; "
            f"a selector has at most {LONGEST}."
        )
    matches = _predicate(selector, model, where)
    names = frozenset(t.tied_to or t.name for t in model.tensors if matches(t))
    if not names:
        raise SelectorMatchesNothing(_no_match_message(selector, model, where))
    return names


def select_any(selectors: Collection[str], model: ModelDescription, where: str) -> frozenset[str]:
    """Return the names that at least one of `selectors` selects.

    Raises as `select` does, also if only one selector matches nothing, and for too many.
    """
    require_few(len(selectors), where)
    return frozenset().union(*(select(selector, model, where) for selector in selectors))


def require_few(selectors: int, where: str) -> None:
    """Raises InvalidPlan for more selectors than a plan may have."""
    if selectors > MOST:
        raise InvalidPlan(
            f"There are {selectors:,} selectors in {where}; at most {MOST:,} are allowed. "
            "Use globs, such as '*.LayerNorm.*'."
        )


def _predicate(selector: str, model: ModelDescription, where: str) -> Predicate:
    if selector in _WORDS:
        return _WORDS[selector]
    if counted := _COUNTED.fullmatch(selector):
        word, argument = counted.groups()
        if word == "head":
            return _head(argument, model, where)
        return _layers(selector, word, argument, model, where)
    matches = _glob(selector)
    return lambda tensor: matches(tensor.name)


def _head(task: str, model: ModelDescription, where: str) -> Predicate:
    heads = {each.name: each.head for each in model.tasks}
    if task not in heads:
        raise SelectorMatchesNothing(
            f"'head:{task}' in {where}: there is no task '{task}'. Tasks: {', '.join(heads)}."
        )
    return lambda tensor: tensor.group == heads[task] and tensor.role is Role.HEAD


def _layers(
    selector: str, word: str, argument: str, model: ModelDescription, where: str
) -> Predicate:
    first, last = _range(selector, word, argument, model, where)
    pooled = word == "top" and model.reads_pooler
    return lambda tensor: (
        pooled and tensor.role is Role.POOLER
        if tensor.layer is None
        else first <= tensor.layer <= last
    )


def _range(
    selector: str, word: str, argument: str, model: ModelDescription, where: str
) -> tuple[int, int]:
    """The first and last layer of a numbered selector, checked against the model."""
    depth, layers = model.backbone.depth, model.backbone.layers
    numbers = re.fullmatch(r"(\d{1,4})-(\d{1,4})" if word == "layers" else r"(\d{1,4})", argument)
    if not numbers:
        form = "layers:I-J" if word == "layers" else f"{word}:N"
        raise InvalidPlan(f"'{selector}' in {where} does not have the form {form}.")
    given = [int(number) for number in numbers.groups()]
    if word in ("top", "bottom"):
        return _end_of_stack(selector, word, given[0], model, where)
    if given[0] > given[-1]:
        raise InvalidPlan(
            f"'{selector}' in {where}: the first layer must not be above the last; "
            f"write layers:{given[-1]}-{given[0]}."
        )
    if given[-1] >= layers:
        what = "one set of weights, layer 0" if layers < depth else f"layers 0 to {layers - 1}"
        raise InvalidPlan(f"'{selector}' in {where}: this checkpoint has {what}.")
    return given[0], given[-1]


def _end_of_stack(
    selector: str, word: str, count: int, model: ModelDescription, where: str
) -> tuple[int, int]:
    backbone = model.backbone
    if not 1 <= count <= backbone.depth:
        raise InvalidPlan(
            f"'{selector}' in {where}: this checkpoint has {backbone.depth} layers; "
            f"N goes from 1 to {backbone.depth}."
        )
    if backbone.shares_layers and count < backbone.depth:
        raise InvalidPlan(
            f"'{selector}' in {where}: the {backbone.depth} layers of this checkpoint share one "
            "set of weights, so they can only be trained or frozen together. Use "
            f"'{word}:{backbone.depth}' for all of them, or 'heads'."
        )
    if backbone.shares_layers:
        return 0, backbone.layers - 1
    return (backbone.layers - count, backbone.layers - 1) if word == "top" else (0, count - 1)


def matches_glob(pattern: str, name: str) -> bool:
    """Whether the whole dotted `name` matches `pattern`, segment by segment."""
    return _glob(pattern)(name)


def _glob(pattern: str) -> Callable[[str], bool]:
    """The test whether a whole dotted name matches `pattern`; the pattern is compiled once."""
    segments = [None if each == "*" else _segment(each) for each in pattern.split(".")]
    if segments.count(None) != 1:
        return lambda name: _segments_match(segments, name.split("."))
    star = segments.index(None)
    before, after = segments[:star], segments[star + 1 :]
    return lambda name: _ends_match(before, after, name.split("."))


@lru_cache(maxsize=512)
def _segment(pattern: str) -> Callable[[str], object]:
    """The test of one segment of a glob."""
    if not any(character in pattern for character in "*?["):
        return pattern.__eq__
    return re.compile(translate(pattern)).match


def _ends_match(before: Sequence[_Segment], after: Sequence[_Segment], name: Sequence[str]) -> bool:
    """Whether `name` has these segments at its ends, and at least one between them."""
    if len(name) <= len(before) + len(after):
        return False
    ends = zip((*after, *before), (*name[len(name) - len(after) :], *name), strict=False)
    return all(segment is not None and segment(part) for segment, part in ends)


def _segments_match(pattern: Sequence[_Segment], name: Sequence[str]) -> bool:
    """Whether `name` matches, in time proportional to the product of both lengths.

    A `*` takes one segment at first. Where the rest does not match, the last `*` takes one more:
    earlier ones need not, because whatever they would take the last one can take too.
    """
    at, place, star, taken = 0, 0, -1, 0
    while place < len(name):
        segment = pattern[at] if at < len(pattern) else None
        if at < len(pattern) and segment is None:
            star, taken = at, place + 1
            at, place = at + 1, place + 1
        elif segment is not None and segment(name[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            taken += 1
            at, place = star + 1, taken
        else:
            return False
    return at == len(pattern)


def _no_match_message(selector: str, model: ModelDescription, where: str) -> str:
    names = [tensor.name for tensor in model.tensors]
    if selector in _WORDS:
        return (
            f"'{selector}' in {where} matches none of the {len(names)} tensors: "
            "this checkpoint has no such part."
        )
    return (
        f"'{selector}' in {where} matches none of the {len(names)} tensors. "
        f"Nearest: {', '.join(_nearest(selector, names))}. Selectors: {', '.join(_WORDS)}, "
        "head:TASK, layer:I, layers:I-J, top:N, bottom:N, or a glob over whole dotted names "
        "such as '*.LayerNorm.*'."
    )


def _nearest(selector: str, names: list[str]) -> list[str]:
    """Up to three names or selectors similar to `selector`."""
    for below in (f"{selector}.*", f"*.{selector}.*"):
        if any(map(_glob(below), names)):
            return [below]
    known = [*_WORDS, *names]
    return nearest_names(selector, known, cutoff=0.3) or names[:2]
