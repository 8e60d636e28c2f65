"""Mixed batches of all tasks' examples, in an order that only the seed decides."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.seeds import stream_seed

_POOL_BATCHES = 16
"""Within so many batches examples trade places: 0.94 of the tokens are then no padding on the
sample, against 0.75 unsorted, and 0.70 against 0.48 where one task's sentences are longer."""

PASS_TOKENS = 512
"""Tokens that a pass without gradient takes at once. More of them are no faster on a processor,
whose matrix products are at full speed from a few hundred rows on, and hold more memory."""


@dataclass(frozen=True)
class Batch:
    """Examples padded to the longest of them.

    `input_ids` and `attention_mask`: (batch, sequence). For each task with examples here, `rows`
    are their places in the batch, (n,), and `labels` are (n,) for a sentence task and
    (n, sequence) for a token task, -100 where there is none.
    """

    input_ids: Tensor
    attention_mask: Tensor
    rows: dict[str, Tensor]
    labels: dict[str, Tensor]


def collate(examples: Sequence[EncodedExample], tasks: Sequence[Task], pad_id: int) -> Batch:
    """Pad examples into one batch. A task none of whose labels is here is left out."""
    length = max(len(example.input_ids) for example in examples)
    ids = [_padded(example.input_ids, length, pad_id) for example in examples]
    mask = [_padded((1,) * len(example.input_ids), length, 0) for example in examples]
    rows: dict[str, Tensor] = {}
    labels: dict[str, Tensor] = {}
    for task in tasks:
        places = [n for n, example in enumerate(examples) if task.name in example.labels]
        found = [_label(examples[n], task, length) for n in places]
        if any(_says_something(label) for label in found):
            rows[task.name] = torch.tensor(places)
            labels[task.name] = torch.tensor(found)
    return Batch(torch.tensor(ids), torch.tensor(mask), rows, labels)


def filled_batches(lengths: Sequence[int]) -> Iterator[range]:
    """Places of ascending `lengths` in batches of at most PASS_TOKENS, padding included.

    For passes that take no gradient. A sequence longer than that stands alone.
    """
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] > PASS_TOKENS:
            yield range(start, end)
            start = end


def like_lengths(examples: Sequence[EncodedExample]) -> Iterator[list[int]]:
    """Places of all examples in batches for passes that take no gradient, shortest first.

    Fixed by the examples alone, so that a model answers the same at any time.
    """
    lengths = [len(example.input_ids) for example in examples]
    order = sorted(range(len(examples)), key=lambda n: (lengths[n], n))
    for filled in filled_batches([lengths[n] for n in order]):
        yield [order[n] for n in filled]


def training_order(
    seed: int,
    epoch: int,
    lengths: Sequence[int],
    batch_size: int,
    kinds: Sequence[Hashable] | None = None,
) -> list[int]:
    """The order of one epoch (from 0): a permutation of the examples with these `lengths`.

    Drawn from the seed's own stream, then so arranged that a batch holds examples of like length:
    a forward pass costs what its longest example costs, for every row. `kinds` are the tasks that
    an example is of: each batch holds its share of every kind, and like lengths within a kind, for
    sorted by length alone a batch may be all of one task. Only examples that chance
    put near each other trade places, and the batches come in random order again. What is left
    over makes a smaller last batch, of any lengths, so that no length is favoured in it.
    """
    generator = torch.Generator().manual_seed(stream_seed(seed, "order", epoch))
    drawn = torch.randperm(len(lengths), generator=generator).tolist()
    whole = len(drawn) - len(drawn) % batch_size
    pool = _POOL_BATCHES * batch_size
    alike: list[int] = []
    for start in range(0, whole, pool):
        alike += _alike(drawn[start : min(start + pool, whole)], lengths, kinds)
    batches = torch.randperm(whole // batch_size, generator=generator).tolist()
    cut = (alike[n * batch_size : (n + 1) * batch_size] for n in batches)
    return [*chain.from_iterable(cut), *drawn[whole:]]


def drawn_batches(
    examples: Sequence[EncodedExample], *, batch_size: int, seed: int
) -> Iterator[list[EncodedExample]]:
    """The examples of each step, without end: every epoch each once, in an order of its own."""
    lengths = [len(example.input_ids) for example in examples]
    kinds = [frozenset(example.labels) for example in examples]
    epoch = 0
    while True:
        order = training_order(seed, epoch, lengths, batch_size, kinds)
        for start in range(0, len(order), batch_size):
            yield [examples[n] for n in order[start : start + batch_size]]
        epoch += 1


def _alike(
    pool: Sequence[int], lengths: Sequence[int], kinds: Sequence[Hashable] | None
) -> list[int]:
    """Examples by their rank in length among those of their kind."""
    members: dict[Hashable, list[int]] = {}
    for n in sorted(pool, key=lengths.__getitem__):
        members.setdefault(kinds[n] if kinds else None, []).append(n)
    rank = {
        n: (place + 0.5) / len(each) for each in members.values() for place, n in enumerate(each)
    }
    return sorted(pool, key=rank.__getitem__)


def _padded(values: Sequence[int], length: int, filler: int) -> list[int]:
    return [*values, *[filler] * (length - len(values))]


def _label(example: EncodedExample, task: Task, length: int) -> int | list[int]:
    label = example.labels[task.name]
    if task.kind is TaskKind.SENTENCE or isinstance(label, int):
        return label if isinstance(label, int) else IGNORED
    return _padded(label, length, IGNORED)


def _says_something(label: int | list[int]) -> bool:
    return label != IGNORED if isinstance(label, int) else any(each != IGNORED for each in label)
