"""Who loads data: a function with the permission of its caller."""

from collections.abc import Hashable, Mapping
from typing import Protocol

from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import Dataset, load_dataset


class ReadsData(Hashable, Protocol):
    """A function that loads data: `DataReader.dataset` in the server, or `owner_dataset`."""

    def __call__(self, reference: str, examples: Mapping[str, int] | None = None) -> Dataset:
        """The data set of a reference, with limits of training examples. Raises DataError."""


def owner_dataset(reference: str, examples: Mapping[str, int] | None = None) -> Dataset:
    """As `load_dataset`, from any file: for the user of the command line, who owns the machine."""
    return load_dataset(reference, ANY_FILE, examples)
