"""Which parts a bundle may have."""

from enum import StrEnum


class What(StrEnum):
    """What a bundle holds. The files that repeat each run go with all but the models alone."""

    NOTE = "note"  # HTML and Markdown, with the figures that the Markdown shows
    FIGURES = "figures"  # SVG in light and dark, and Plotly's JSON
    TABLES = "tables"  # CSV of every point and every parameter
    CHECKPOINT = "checkpoint"  # the models that the runs wrote
    ALL = "all"

    @property
    def parts(self) -> frozenset["What"]:
        """The parts that it stands for."""
        return frozenset(What) - {What.ALL} if self is What.ALL else frozenset({self})
