"""What was answered for what: rows are the labels in the data, columns the answers."""

from collections.abc import Sequence

from mtl_core.charts.cells import Cell, blended, cell_figure, ink_on
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette, TaskStyle

_PALEST, _STRONGEST = 0.10, 0.85


def confusion_figure(
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    style: TaskStyle,
    colors: Palette,
) -> Figure:
    """A Plotly figure as plain values. `counts[i][j]` is how often label i was answered as j.

    Right answers are in the task's colour, wrong ones in grey; both get stronger with their share
    of the row, so that a rare label is read as easily as a common one. Zeros are left empty.
    Raises ValueError where the counts do not match the labels.
    """
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        raise ValueError(f"{len(labels)} labels need {len(labels)} rows and columns of counts.")
    cells = {
        (truth, answer): _cell(truth, answer, counts[i][j], sum(counts[i]), style, colors)
        for i, truth in enumerate(labels)
        for j, answer in enumerate(labels)
    }
    return cell_figure(labels, labels, cells, colors, x_title="answered", y_title="in the data")


def _cell(
    truth: str, answer: str, count: int, of_row: int, style: TaskStyle, colors: Palette
) -> Cell:
    share = count / of_row if of_row else 0.0
    hue = style.color if truth == answer else colors.muted
    strength = _PALEST + (_STRONGEST - _PALEST) * share if count else 0.0
    fill = blended(hue, colors.background, strength) if count else colors.panel
    said = f"{count:,} of {of_row:,} {truth} answered as {answer}"
    return Cell(f"{count:,}" if count else "", fill, ink_on(fill), said)
