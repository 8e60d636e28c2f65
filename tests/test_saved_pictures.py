"""A second picture of the same page leaves the file of the first as it is."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from docs.pictures.saving import save

SIZE, GREY = (40, 30), (200, 200, 200)


def drawn(*points: tuple[int, int], level: int = 0) -> bytes:
    picture = Image.new("RGB", SIZE, GREY)
    for point in points:
        picture.putpixel(point, (200 - level, 200, 200))
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def test_traces_in_single_pixels_do_not_change_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    save(file, drawn())
    save(file, drawn((3, 4), (20, 9), level=24))
    assert file.read_bytes() == drawn()


def test_a_pixel_that_changes_visibly_is_a_new_picture(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    save(file, drawn())
    save(file, drawn((3, 4), level=25))
    assert file.read_bytes() == drawn((3, 4), level=25)


def test_traces_in_many_pixels_are_a_new_picture(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    save(file, drawn())
    every = drawn(*((x, y) for x in range(SIZE[0]) for y in range(SIZE[1])), level=8)
    save(file, every)
    assert file.read_bytes() == every


def test_another_size_is_a_new_picture(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    save(file, drawn())
    wider = BytesIO()
    Image.new("RGB", (41, 30), GREY).save(wider, "PNG")
    save(file, wider.getvalue())
    assert file.read_bytes() == wider.getvalue()
