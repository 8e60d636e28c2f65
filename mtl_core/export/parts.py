"""The parts of a bundle. Kept apart from `bundle`: the command line must not import Plotly."""

from enum import StrEnum


class BundlePart(StrEnum):
    """A part of a bundle. All but `CHECKPOINT` alone include the files to repeat the runs."""

    NOTE = "note"  # HTML and Markdown, with the figures of the Markdown
    FIGURES = "figures"  # SVG in light and dark, and Plotly's JSON
    TABLES = "tables"  # CSV of every point and every parameter
    CHECKPOINT = "checkpoint"  # the saved models of the runs
    ALL = "all"

    @property
    def parts(self) -> frozenset["BundlePart"]:
        """The parts that `ALL` expands to; for any other, itself."""
        return frozenset(BundlePart) - {self.ALL} if self is self.ALL else frozenset({self})
