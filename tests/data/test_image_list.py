"""Folders and meta-info files list images only, the same everywhere."""

from pathlib import Path

import pytest

from nerco_plugin.data.image_list import list_folder, list_meta_info


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_images_only_recursive_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a.1.jpg", "sub/雪 é.webp", "Z.tiff", "10.png", "9.png")
    touch(tmp_path, "notes.txt", "Thumbs.db", ".hidden.png", "._b.png", ".cache/c.png", "sub/.d/e.png", "png")
    assert list_folder(tmp_path) == ["10.png", "9.png", "Z.tiff", "a.1.jpg", "b.PNG", "sub/雪 é.webp"]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "root/a.png", "elsewhere/b.png")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/broken.png").symlink_to(tmp_path / "gone.png")
    assert list_folder(tmp_path / "root") == ["a.png", "broken.png", "linked/b.png"]


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match=f"no images in folder '{tmp_path}'"):
        list_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="gone"):
        list_folder(tmp_path / "gone")
    with pytest.raises(NotADirectoryError, match=r"notes\.txt"):
        list_folder(tmp_path / "notes.txt")


def test_meta_info_in_all_its_forms(tmp_path: Path) -> None:
    file = tmp_path / "meta.txt"
    lines = ["b.png (480,480,3) 1", "a name (2).png (4,5,3)", "", "sub/雪.png", "c.1.png  (4, 5, 1)  "]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode("utf-8"))
    assert list_meta_info(file) == ["b.png", "a name (2).png", "sub/雪.png", "c.1.png"]


def test_wrong_meta_info_is_named(tmp_path: Path) -> None:
    file = tmp_path / "meta.txt"
    with pytest.raises(FileNotFoundError, match=r"meta\.txt"):
        list_meta_info(file)
    file.write_text("\n\n")
    with pytest.raises(ValueError, match=r"meta\.txt' lists no images"):
        list_meta_info(file)
    file.write_bytes("é.png".encode("latin-1"))
    with pytest.raises(ValueError, match=r"meta\.txt' is not UTF-8"):
        list_meta_info(file)
