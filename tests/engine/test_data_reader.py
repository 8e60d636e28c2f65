"""The data of the server: foreign files are parsed in child processes, within limits."""

import ast
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from mtl_core.engine.data_reader import DataReader
from mtl_core.engine.reading_processes import ReadingProcesses
from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, read_upload

PACKAGE = Path(__file__).parents[2] / "mtl_core"
SLOW = """
import os, sys, time
from mtl_core.engine import reading_child
from mtl_core.engine.reading import respond

def slowly(request):
    reference = getattr(request, "reference", "")
    if "slow" in reference:
        time.sleep(60)
    if "death" in reference:
        os._exit(3)
    if "much" in reference:
        return bytearray(10**10)
    return respond(request)

reading_child.respond = slowly
reading_child.serve(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def processes() -> Iterator[ReadingProcesses]:
    """At most two processes, which answer within two seconds or not at all."""
    opened = ReadingProcesses(2.0, 10**9, [sys.executable, "-c", SLOW], most=2)
    yield opened
    opened.close()


@pytest.fixture
def reader(processes: ReadingProcesses) -> DataReader:
    return DataReader(ANY_FILE, processes)


def data(folder: Path, rows: str = "Good,up\nBad,down\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "a.csv").write_text(f"text,label\n{rows}")
    manifest = folder / "manifest.yaml"
    manifest.write_text(
        "tasks: {s: {kind: sentence, head: classifier, train: a.csv, validation: a.csv}}"
    )
    return manifest


def test_foreign_data_come_from_a_process_as_they_are(
    reader: DataReader, processes: ReadingProcesses, tmp_path: Path
) -> None:
    manifest = str(data(tmp_path / "mine", "Good,up\n🙂 '\"\"',down\nc,up\n"))
    read = reader.dataset(manifest)
    assert read == load_dataset(manifest, ANY_FILE)
    assert reader.dataset(manifest) is read
    assert len(reader.dataset(manifest, {"s": 2}).train) == 2
    assert len(processes.pids) == 1


def test_a_changed_file_is_read_again(reader: DataReader, tmp_path: Path) -> None:
    manifest = str(data(tmp_path / "mine"))
    before = reader.dataset(manifest)
    data(tmp_path / "mine", "Good,up\nBad,down\nFine,up\n")
    assert (len(before.train), len(reader.dataset(manifest).train)) == (2, 3)
    (tmp_path / "mine" / "a.csv").unlink()
    with pytest.raises(DataError, match=r"There is no file a\.csv"):
        reader.dataset(manifest)


def test_what_is_shipped_starts_no_process() -> None:
    none = ReadingProcesses(3.0, 10**9, ["/nowhere/python"])
    reader = DataReader(ANY_FILE, none)
    assert reader.dataset("sample") == load_dataset("sample", ANY_FILE)
    shipped = resolve_checkpoint("minilm-l6", ANY_FILE)
    assert reader.overview("sample-posts", shipped).unit == "sub-words"
    assert [word.pieces for word in reader.split_words(("films",), shipped) or ()] == [("films",)]
    assert none.pids == ()


def test_an_upload_arrives_with_all_its_bytes(reader: DataReader) -> None:
    rows = "text,label\nGood 🙂,up\nBad,down\n".encode()
    file = UploadedFile("mine.csv", rows)
    task = UploadedTask("s", TaskKind.SENTENCE, "classifier", file, file, "text", "label")
    assert reader.upload((task,)) == read_upload((task,))
    assert reader.columns_of_upload(file) == ("text", "label")
    wrong = UploadedFile("mine.csv", b"text,label\n\xff,up\n")
    with pytest.raises(DataError, match=r"mine\.csv, line 2: is not UTF-8 \(byte 0xff"):
        reader.upload(
            (UploadedTask("s", TaskKind.SENTENCE, "classifier", wrong, wrong, "text", "label"),)
        )


def test_a_file_over_a_limit_ends_its_process_and_holds_up_nobody_else(
    reader: DataReader, processes: ReadingProcesses, tmp_path: Path
) -> None:
    slow, quick = str(data(tmp_path / "slow")), str(data(tmp_path / "quick"))
    for child in [processes._take() for _ in range(2)]:  # both are started and idle
        processes._put_back(child)
    with ThreadPoolExecutor(3) as visitors:
        hanging = [visitors.submit(reader.dataset, slow) for _ in range(2)]
        assert len(reader.dataset(quick).train) == 2
        assert not any(each.done() for each in hanging)
        for each in hanging:
            with pytest.raises(DataError) as problem:
                each.result()
    assert str(problem.value) == (
        f"The data '{slow}' could not be read within 2 seconds, the limit of this dashboard "
        "(FREEZE_LAB_READ_SECONDS). Use fewer or shorter examples, or read the files on the "
        "command line, which has no such limit."
    )
    again = monotonic()
    with pytest.raises(DataError, match="within 2 seconds"):
        reader.dataset(slow)
    assert monotonic() - again < 1
    assert len(processes.pids) == 1


def test_a_process_without_memory_or_that_dies_is_the_fault_of_the_file(
    reader: DataReader, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"with 1,000,000,000 bytes of memory.*READ_BYTES"):
        reader.dataset(str(data(tmp_path / "much")))
    with pytest.raises(
        DataError, match=r"could not be read here: its process ended \(.*3\)\. It may "
    ):
        reader.dataset(str(data(tmp_path / "death")))
    assert len(reader.dataset(str(data(tmp_path / "other"))).train) == 2


def test_the_data_page_and_the_report_parse_nothing_in_the_server() -> None:
    """Only the reading process, the trainer and the command line call the readers of files."""
    parsers = {"load_dataset", "load_tasks", "read_upload", "dataset_at", "owner_dataset"}
    parsers |= {"columns_of", "read_tokenizer", "split_into_pieces", "counter_for"}
    of_server = ("ui", "report", "export", "lessons", "charts", "analysis", "engine", "store")
    modules = [path for name in of_server for path in (PACKAGE / name).rglob("*.py")]
    pages = (PACKAGE.parent / "pages").glob("*.py")
    calling = {
        path.name
        for path in (*modules, *pages)
        if any(name in (text := path.read_text(encoding="utf-8")) for name in parsers)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        and {each.name for each in node.names} & parsers
        and (node.module or "").startswith(("mtl_core.tasks", "mtl_core.models"))
    }
    assert calling == {"reading.py"}
