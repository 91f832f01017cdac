"""Requests and builds that are wrong in ways that once went through, or came back with a traceback: one line each now."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_build import made_build

from datagen.errors import DataError, EngineError, UserError
from datagen.load import Curriculum, Mixture, Stage, iter_dialogs, open_build, open_tokenizer, personaplex
from datagen.load.order import Share, at_least_one
from datagen.load.state import State
from datagen.load.tokenizers import for_trying
from datagen.stages.pack.schema import Table, manifest_path
from datagen.store.files import file_entry

SHARD = "tokens/train-00000.parquet"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return made_build(tmp_path / "out")


def _words(made: Path, words: list[dict[str, object]]) -> None:
    """Puts `words` into row 1 of the first shard, and its checksum into build.json."""
    table = pq.read_table(made / SHARD)
    rows = table.to_pylist()
    rows[1]["words"] = words
    pq.write_table(type(table).from_pylist(rows, table.schema), made / SHARD, row_group_size=64)
    _edited(made, lambda summary: summary["files"][SHARD].update(asdict(file_entry(made / SHARD))))


@pytest.mark.parametrize("start_s", [0.48, 9e5, 1e300])
def test_a_word_after_the_end_is_refused(made: Path, start_s: float) -> None:
    _words(made, [{"word": "late", "start_s": start_s, "end_s": start_s}])  # row 1 has six frames, 0.48 s
    with pytest.raises(DataError, match=r"train-00000.parquet row 1: words has a word from .* is over by then"):
        list(iter_dialogs(made))


@pytest.mark.parametrize("text", ["", " \t"])
def test_a_blank_word_is_refused(made: Path, text: str) -> None:
    _words(made, [{"word": "so", "start_s": 0.1, "end_s": 0.2}, {"word": text, "start_s": 0.2, "end_s": 0.3}])
    with pytest.raises(DataError, match="row 1: words has a word without text from 0.2 to 0.3 s"):
        list(iter_dialogs(made))


def _edited(made: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    summary = json.loads((made / "build.json").read_text())
    change(summary)
    (made / "build.json").write_text(json.dumps(summary))
    return made


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["shards"][0].update(name="../../elsewhere"),
        lambda s: s["shards"][0].update(number=7),
        lambda s: s["shards"][0].update(n_dialogs=-3),
        lambda s: s["files"].update({"../x": s["files"][SHARD]}),
        lambda s: s["files"].update({"/etc/hostname": s["files"][SHARD]}),
        lambda s: s.update(format="1"),
        lambda s: s.update(format=0),
    ],
)
def test_a_build_json_that_leads_elsewhere_is_refused(made: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(DataError, match="build.json: is not the record of a build, or is damaged"):
        open_build(_edited(made, change))


def test_frames_of_another_length_are_refused(made: Path) -> None:
    with pytest.raises(DataError, match="frames of 960 samples at 24000 Hz"):
        open_build(_edited(made, lambda s: s["codec"].update(frame_samples=960)))


def test_counts_that_lie(made: Path) -> None:
    _edited(made, lambda s: s["shards"][0].update(n_dialogs=10**12))
    with pytest.raises(DataError, match=r"its 8 rows are not the dialogues of the shards .* counts 1000000000005"):
        next(iter_dialogs(made))


def test_a_wrong_split_of_a_build_without_counts(made: Path) -> None:
    _edited(made, lambda s: s["counts"].update(by_split={}))
    with pytest.raises(
        UserError, match=r"no dialogue in split 'tset'. There are: train \(7 dialogues\), valid \(1 dialogue\)"
    ):
        iter_dialogs(made, "tset")


def test_verify_holds_the_manifest_to_its_checksum(made: Path) -> None:
    path = made / manifest_path(Table.DIALOGS)
    table = pq.read_table(path)
    rows = [r | {"domain": "other"} for r in table.to_pylist()]
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    assert next(iter_dialogs(made, verify=False)).domain == "other"
    with pytest.raises(DataError, match=r"dialogs.parquet: its SHA-256 is"):
        iter_dialogs(made)


def test_a_bit_that_has_changed_on_the_disk_is_never_a_code(made: Path) -> None:
    data = (made / SHARD).read_bytes()
    for at in range(4, len(data), 97):
        flipped = bytearray(data)
        flipped[at] ^= 1
        (made / SHARD).write_bytes(flipped)
        with pytest.raises(DataError, match=r"train-00000.parquet: its SHA-256 is"):
            next(iter_dialogs(made))


def test_numbers_that_are_none(made: Path) -> None:
    with pytest.raises(UserError, match="start=-3"):
        iter_dialogs(made, start=-3)
    with pytest.raises(UserError, match="batch_size=2.5, and it has to be a whole number"):
        at_least_one(batch_size=2.5)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="rank='0' of world_size=2"):
        Share(9, 1, "0", 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["zip://inside::{made}/build.json"])
def test_a_file_system_that_cannot_be_made(made: Path, url: str) -> None:
    with pytest.raises(EngineError, match="cannot be opened \\(BadZipFile: File is not a zip file\\)"):
        open_build(url.format(made=made))


@pytest.mark.parametrize("state", [None, 5, "x", [], {}])
def test_what_is_no_state(state: Any) -> None:
    with pytest.raises(UserError, match="this is no state"):
        State.from_dict(state)


@pytest.mark.parametrize(("key", "value"), [("taken", True), ("world_size", 0), ("epoch", 10**30), ("start", "4")])
def test_a_state_of_impossible_numbers(key: str, value: Any) -> None:
    state = State(0, 0, 0, 1).to_dict() | {key: value}
    with pytest.raises(UserError, match=f"load_state_dict: {key} is {value!r}"):
        State.from_dict(state)


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        ([Stage(5.5, {"a": 1}), Stage(None, {"a": 1})], "until_step=5.5"),  # type: ignore[arg-type]
        ([Stage(float("nan"), {"a": 1}), Stage(None, {"a": 1})], "until_step=nan"),  # type: ignore[arg-type]
        ([Stage(None, {"a": "1"})], "the weight of 'a' is '1'"),  # type: ignore[dict-item]
        ([Stage(None, {"a": 1e308, "b": 1e308})], "too large"),
    ],
)
def test_stages_of_impossible_numbers(stages: list[Stage], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Curriculum(stages).check(("a", "b"))


def test_mixed_builds_whose_silence_alone_differs(made: Path) -> None:
    one = open_build(made)
    other = replace(one, codec=replace(one.codec, silence=(1, 1)))
    with pytest.raises(DataError, match="another silence"):
        Mixture({"a": one, "b": other}, {"a": 1, "b": 1})


def test_a_tokenizer_that_was_not_opened(made: Path) -> None:
    dialog = next(iter_dialogs(made))
    spec = replace(for_trying(), n_books=2, book_size=8)
    with pytest.raises(UserError, match=r"tokenizer='trying': not opened. Give what datagen.load.open_tokenizer makes"):
        personaplex.sequence(dialog, "trying", spec=spec)  # type: ignore[arg-type]
    assert personaplex.sequence(dialog, open_tokenizer("trying"), spec=spec).n_prefix > 0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_worker_says_it_in_one_line_too(made: Path, workers: int) -> None:
    from datagen.load import DialogDataset

    _words(made, [{"word": " ", "start_s": 0.2, "end_s": 0.3}])
    loader = DialogDataset(made).loader(batch_size=4, seed=None, num_workers=workers, collate_fn=list)
    with pytest.raises(DataError) as caught:
        list(loader)
    assert str(caught.value).count("\n") == 0
    assert "row 1: words has a word without text from 0.2 to 0.3 s" in str(caught.value)


def test_a_state_beyond_its_epoch(made: Path) -> None:
    from datagen.load import DialogDataset

    loader = DialogDataset(made).loader(batch_size=4)
    with pytest.raises(UserError, match="4000 dialogues were taken of epoch 0, and a rank has"):
        loader.load_state_dict(loader.state_dict() | {"taken": 4000})
