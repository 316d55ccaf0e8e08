"""Reading a folder: what is no readable text becomes a problem, never a crash or a wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opportune.errors import ProjectError
from opportune.strategy import check_directory, load
from opportune.strategy.files import FILE_BYTES_MAX, read_texts
from opportune.strategy.starter import copy_starter


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_starter(tmp_path)
    return tmp_path


def messages(directory: Path) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        check_directory(directory)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_that_is_not_utf_8_is_refused(project: Path) -> None:
    (project / "goals.yaml").write_bytes(b"profit: {unit: \xff}\n")

    assert messages(project) == ["goals.yaml: cannot be read: it is not UTF-8 (byte 15); save it as UTF-8"]


def test_a_sheet_that_is_not_utf_8_is_told_as_spreadsheets_call_it(project: Path) -> None:
    (project / "tables").mkdir()
    (project / "tables" / "who.csv").write_bytes(b"customer.age,action\n\xff,help_pages\n")

    remedy = "save it as UTF-8, which spreadsheets call 'CSV UTF-8'"
    assert messages(project) == [f"tables/who.csv: cannot be read: it is not UTF-8 (byte 20); {remedy}"]


def test_a_file_that_is_too_large_is_refused(project: Path) -> None:
    (project / "events.yaml").write_bytes(b"#" * (FILE_BYTES_MAX + 1))

    assert messages(project) == ["events.yaml: cannot be read: it is larger than 1000000 bytes; mend or remove it"]


def test_a_pipe_is_refused_without_waiting_for_it(project: Path) -> None:
    os.mkfifo(project / "events.yaml")

    assert messages(project) == ["events.yaml: cannot be read: it is not a regular file; mend or remove it"]


def test_a_link_to_nothing_is_refused(project: Path) -> None:
    (project / "events.yaml").symlink_to("nowhere.yaml")

    assert messages(project) == ["events.yaml: cannot be read: No such file or directory; mend or remove it"]


def test_a_folder_with_the_name_of_a_file_counts_as_no_file(project: Path) -> None:
    (project / "goals.yaml").unlink()
    (project / "goals.yaml").mkdir()

    assert messages(project) == ["goals.yaml: missing file; create it"]


def test_a_group_that_cannot_be_read_is_not_left_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.scandir

    def scandir(folder: str) -> object:
        if str(folder).endswith("care"):
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)

    assert messages(project) == ["actions/care: the folder cannot be read: Permission denied; let this user read it"]


@pytest.mark.parametrize("name", ["actions/again", "actions/plans/again", "tests/more"])
def test_a_link_to_a_folder_is_refused(project: Path, name: str) -> None:
    (project / name).symlink_to(project, target_is_directory=True)

    assert messages(project) == [
        f"{name}: cannot be read: it is a symbolic link to a folder, which is not followed; mend or remove it"
    ]


def test_a_link_to_a_folder_that_no_strategy_has_is_none_of_our_business(project: Path) -> None:
    (project / "data").symlink_to(project, target_is_directory=True)

    assert load(project).settings.title == "A small telecom"


def test_a_link_out_of_the_folder_is_refused_and_its_text_is_not_told(project: Path) -> None:
    secret = project.parent / f"{project.name}-secret.yaml"
    secret.write_text("password: hunter2\n", encoding="utf-8")
    (project / "events.yaml").symlink_to(secret)

    assert messages(project) == [
        "events.yaml: cannot be read: it is a symbolic link that leads out of the folder; mend or remove it"
    ]


def test_a_link_inside_a_linked_folder_is_read(project: Path) -> None:
    (project / "goals.yaml").rename(project / "kept.txt")
    (project / "goals.yaml").symlink_to("kept.txt")
    link = project.parent / f"{project.name}-link"
    link.symlink_to(project, target_is_directory=True)

    assert load(link).settings.title == "A small telecom"


def test_a_link_to_itself_is_refused(project: Path) -> None:
    (project / "events.yaml").symlink_to("events.yaml")

    (message,) = messages(project)
    assert message.startswith("events.yaml: cannot be read: ")


def test_hidden_and_foreign_files_are_none_of_our_business(project: Path) -> None:
    (project / ".github").mkdir()
    (project / ".github" / "ci.yaml").write_text("{{ not yaml", encoding="utf-8")
    (project / "deploy").mkdir()
    (project / "deploy" / "compose.yaml").write_text("{{ not yaml", encoding="utf-8")
    (project / "README.md").write_text("# Notes\n", encoding="utf-8")

    assert "deploy/compose.yaml" not in check_directory(project).project.files


@pytest.mark.parametrize(("name", "found"), [("nowhere", "nothing"), ("project.yaml", "a file")])
def test_what_is_no_folder_is_refused(project: Path, name: str, found: str) -> None:
    assert messages(project / name) == [
        f"{(project / name).as_posix()}: expected the folder of a strategy, found {found}; name a folder"
    ]


def test_an_empty_folder_is_told_how_to_begin(tmp_path: Path) -> None:
    assert messages(tmp_path) == [f"{tmp_path}: here is no strategy (no project.yaml); start one with the command init"]


def test_the_folder_above_a_strategy_is_refused_in_one_line(tmp_path: Path) -> None:
    copy_starter(tmp_path / "my-shop")
    (tmp_path / "other.yaml").write_text("a: 1\n")

    assert messages(tmp_path) == [f"{tmp_path}: here is no strategy (no project.yaml); did you mean my-shop?"]


def test_texts_are_the_same_on_every_system(tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_bytes(b"\xef\xbb\xbfa:\r\n  unit: x\r\n")

    assert read_texts(tmp_path)[0] == {"goals.yaml": "a:\n  unit: x\n"}
