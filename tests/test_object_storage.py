"""Opening folders in object storage, on real stores."""

from __future__ import annotations

import pytest

from inventory_platform.errors import SettingsError
from inventory_platform.object_storage import open_folder
from tests.object_stores import ObjectStore


def test_what_is_written_can_be_read_and_listed(object_store: ObjectStore) -> None:
    folder = object_store.folder("opening")
    folder.fs.pipe_file(folder.path("a/b.txt"), b"kept")
    again = object_store.folder("opening")
    assert again.fs.cat_file(again.path("a/b.txt")) == b"kept"
    assert [path.removeprefix(again.root) for path in again.fs.find(again.root)] == ["/a/b.txt"]


def test_a_folder_of_this_machine_is_opened_by_its_path(tmp_path) -> None:
    (tmp_path / "here.txt").write_text("here")
    folder = open_folder(str(tmp_path), "Lake")
    assert folder.fs.cat_file(folder.path("here.txt")) == b"here"


def test_an_unknown_kind_of_storage_is_named() -> None:
    with pytest.raises(SettingsError, match=r"Lake: storage of kind 'ftp' is not known"):
        open_folder("ftp://host/folder", "Lake")
