"""A model's revision: told apart by its weights, the same wherever its folder lies, unpinned where nothing pins it."""

from pathlib import Path

import pytest

from datagen.engines.llm.model_identity import UNPINNED, folder_digest, identity, served_name

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"


def checkpoint(folder: Path, weights: bytes) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3"}')
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "training.log").write_text("no part of it")
    return folder


def test_a_folder_is_known_by_its_files_not_by_its_place(tmp_path: Path) -> None:
    one = checkpoint(tmp_path / "one", bytes(3_000_000))
    two = checkpoint(tmp_path / "two", bytes(3_000_000))
    (two / "training.log").write_text("another run")
    assert identity(str(one)) == identity(str(two))
    revision, note = identity(str(one))
    assert (len(revision), note) == (len("files-") + 16, "")


@pytest.mark.parametrize("where", [0, 1_500_000, 2_999_999], ids=["first", "middle", "last"])
def test_other_weights_of_the_same_shape_are_another_model(where: int, tmp_path: Path) -> None:
    """As training leaves them: a stretch of the file is other, not one bit."""
    other = bytearray(3_000_000)
    other[max(0, where - 50_000) : where + 50_000] = b"\1" * len(other[max(0, where - 50_000) : where + 50_000])
    one, two = checkpoint(tmp_path / "one", bytes(3_000_000)), checkpoint(tmp_path / "two", bytes(other))
    assert folder_digest(one) != folder_digest(two)


def test_files_of_the_hubs_cache_are_known_by_their_names(tmp_path: Path) -> None:
    """There a file of weights is a link to one that is named by its SHA-256, and need not be read."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    digests = []
    for name in ("a" * 64, "b" * 64):
        (blobs / name).write_bytes(b"same size and same bytes")
        folder = tmp_path / f"snapshot-{name[0]}"
        folder.mkdir()
        (folder / "model.safetensors").symlink_to(blobs / name)
        digests.append(folder_digest(folder))
    assert digests[0] != digests[1]


def test_a_hubs_model_is_its_commit_or_unpinned() -> None:
    assert identity("Qwen/Qwen3-8B", COMMIT) == (COMMIT, "")
    for revision in ("", "main", COMMIT[:7]):
        found, note = identity("Qwen/Qwen3-8B", revision)
        assert found == UNPINNED
        assert "commit" in note
        assert "\n" not in note


def test_a_servers_name_for_a_model_holds_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint(tmp_path / "qwen3-ours", b"")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert {
        served_name(m) for m in (str(folder), f"{folder}/", "~/qwen3-ours", f"{tmp_path}/qwen3-ours/../qwen3-ours")
    } == {"qwen3-ours"}
    assert served_name("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
