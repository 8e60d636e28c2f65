"""Which data may be loaded: the same refusal for what exists and for what does not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE, NO_FILE, FileAccess
from mtl_core.tasks.dataset import load_dataset, load_tasks, require_allowed_data

PRIVATE_WORD = "Quetzalcoatl"


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """The one folder whose data may be read."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder outside it, with a manifest, its data and a text, all with one word."""
    folder = tmp_path / "private"
    folder.mkdir()
    rows = f"text,label\n{PRIVATE_WORD} good,{PRIVATE_WORD}\nbad,other\n"
    (folder / "a.csv").write_text(rows, encoding="utf-8")
    (folder / "manifest.yaml").write_text(
        "tasks: {mood: {kind: sentence, head: mood, train: a.csv, validation: a.csv}}",
        encoding="utf-8",
    )
    (folder / "notes.txt").write_text(f"{PRIVATE_WORD}: {PRIVATE_WORD}\n", encoding="utf-8")
    return folder


def access_to(folder: Path, uploads: Path | None = None) -> FileAccess:
    return FileAccess(data_roots=(folder,), checkpoint_roots=(), uploads=uploads)


def refusal(reference: str, access: FileAccess) -> str:
    messages = set()
    for load in (load_dataset, load_tasks, require_allowed_data):
        with pytest.raises(DataError) as raised:
            load(reference, access)  # type: ignore[operator]
        messages.add(str(raised.value))
    (message,) = messages
    return message


def test_the_owner_may_read_what_a_browser_may_not(private: Path, allowed: Path) -> None:
    assert load_dataset(str(private), ANY_FILE).tasks[0].outputs == (PRIVATE_WORD, "other")
    assert load_tasks("sample", NO_FILE) == load_tasks("sample", access_to(allowed))


@pytest.mark.parametrize(
    "path", ["", "manifest.yaml", "notes.txt", "a.csv", "missing", "missing/manifest.yaml"]
)
@pytest.mark.parametrize("prefix", ["{private}/", "{allowed}/../private/", "{allowed}/link/"])
def test_a_path_outside_is_refused_with_one_message_whether_or_not_it_exists(
    private: Path, allowed: Path, path: str, prefix: str
) -> None:
    (allowed / "link").symlink_to(private)
    reference = prefix.format(private=private, allowed=allowed) + path
    message = refusal(reference, access_to(allowed))
    assert message == (
        f"'{reference}' is not allowed here. Allowed folders: {allowed}. "
        "Or choose 'sample', 'sample-posts' or 'sample-small'."
    )


@pytest.mark.parametrize(
    "reference",
    [
        "/etc/passwd",
        "/dev/zero",
        "/proc/self/environ",
        "~",
        "~root/x",
        "a\0b",
        "x" * 9999,
        "..",
        "",
    ],
)
def test_without_roots_no_path_is_read(reference: str) -> None:
    message = refusal(reference, NO_FILE)
    shown = reference if len(reference) <= 200 else f"{reference[:200]}…"
    assert message == (
        f"'{shown}' is not allowed here. No folder is allowed for other data: set "
        "FREEZE_LAB_DATA, or use the command line. Or choose 'sample', 'sample-posts' or "
        "'sample-small'."
    )


def test_the_manifest_of_an_allowed_folder_may_not_be_a_link_out_of_it(
    private: Path, allowed: Path
) -> None:
    for name in ("manifest.yaml", "notes.txt"):
        folder = allowed / name.replace(".", "-")
        folder.mkdir()
        (folder / "manifest.yaml").symlink_to(private / name)
        assert "is not allowed here" in refusal(str(folder), access_to(allowed))


def test_a_circle_of_links_is_refused(allowed: Path) -> None:
    (allowed / "here").symlink_to(allowed / "there")
    (allowed / "there").symlink_to(allowed / "here")
    message = refusal(str(allowed / "here"), access_to(allowed))
    assert "is not allowed here" in message


@pytest.mark.parametrize("name", ["manifest.yaml", "pipe"])
def test_a_pipe_is_not_waited_for(allowed: Path, name: str) -> None:
    os.mkfifo(allowed / name)
    reference = allowed if name == "manifest.yaml" else allowed / name
    assert "There are no data called" in refusal(str(reference), access_to(allowed))


def link_to(target: Path) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("../private/a.csv", "leads out of the manifest's folder"),
        ("../../../../../../etc/passwd", "leads out of the manifest's folder"),
        ("link.csv", "leads out of the manifest's folder"),
        ("folder/a.csv", "leads out of the manifest's folder"),
        ("/etc/passwd", "is absolute"),
        ("pipe.csv", "is not a file"),
        ("device.csv", "leads out of the manifest's folder"),
    ],
)
def test_the_files_of_an_allowed_manifest_lie_in_its_folder(
    private: Path, allowed: Path, entry: str, problem: str
) -> None:
    (allowed / "link.csv").symlink_to(private / "a.csv")
    (allowed / "folder").symlink_to(private)
    (allowed / "device.csv").symlink_to("/dev/zero")
    os.mkfifo(allowed / "pipe.csv")
    (allowed / "b.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    (allowed / "manifest.yaml").write_text(
        f"tasks: {{mood: {{kind: sentence, head: mood, train: {entry}, validation: b.csv}}}}",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match=problem) as raised:
        load_dataset(str(allowed), access_to(allowed))
    assert PRIVATE_WORD not in str(raised.value)


def test_an_upload_is_read_from_the_folder_of_uploads_alone(
    private: Path, allowed: Path, tmp_path: Path
) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "0123456789abcdef").symlink_to(private)
    folder = uploads / "fedcba9876543210"
    folder.mkdir()
    (folder / "manifest.yaml").symlink_to(private / "notes.txt")
    for reference in ("upload:0123456789abcdef", "upload:fedcba9876543210", "upload:../private"):
        assert PRIVATE_WORD not in refusal(reference, access_to(allowed, uploads))
