"""The confusion matrix: rows are the correct labels, columns the predictions."""

from collections.abc import Sequence

from mtl_core.charts.cells import Cell, cell_figure
from mtl_core.charts.theme import Figure, Palette, TaskStyle, blend, text_color_on

_PALEST, _STRONGEST = 0.10, 0.85


def confusion_figure(
    labels: Sequence[str],
    counts: Sequence[Sequence[int]],
    style: TaskStyle,
    colors: Palette,
) -> Figure:
    """Builds the matrix; `counts[i][j]` is the number of times label i was predicted as j.

    Correct predictions have the task's colour, errors are grey. The strength of a colour is the
    share of the row, so that rare labels are as visible as common ones. Cells with 0 are empty.
    Raises ValueError if the shape of `counts` does not match `labels`.
    """
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        raise ValueError(f"{len(labels)} labels need {len(labels)} rows and columns of counts.")
    cells = {
        (true, predicted): _cell(true, predicted, counts[i][j], sum(counts[i]), style, colors)
        for i, true in enumerate(labels)
        for j, predicted in enumerate(labels)
    }
    return cell_figure(labels, labels, cells, colors, x_title="predicted", y_title="correct label")


def _cell(
    true: str, predicted: str, count: int, row_total: int, style: TaskStyle, colors: Palette
) -> Cell:
    share = count / row_total if row_total else 0.0
    color = style.color if true == predicted else colors.muted
    strength = _PALEST + (_STRONGEST - _PALEST) * share if count else 0.0
    fill = blend(color, colors.background, strength) if count else colors.panel
    hover = f"{count:,} of {row_total:,} {true} predicted as {predicted}"
    return Cell(f"{count:,}" if count else "", fill, text_color_on(fill), hover)
