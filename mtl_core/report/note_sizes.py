"""The note's section on training sentences: curves, a table for each task, and what follows it."""

from collections.abc import Iterator

from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.drawings import example_drawings
from mtl_core.report.load import Report
from mtl_core.report.size_words import size_rows, sizes_rest, sizes_rule, table_title


def sizes(report: Report) -> Iterator[Block]:
    """Of a comparison with several numbers of training sentences."""
    by_size = report.compared.by_size
    yield from figures(example_drawings(report))
    for task in report.compared.plans.tasks:
        yield Text(f"{table_title(task)}:")
        yield table_of(size_rows(by_size, task, ranges=True))
    yield Text(f"{sizes_rule(by_size)} In brackets: the lowest and the highest seed.")
    yield Text(sizes_rest(by_size))
