"""report/index.html: whatever the data holds is data; the same build gives the same bytes."""

import json
import re
from pathlib import Path

import hostile
import outputs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.errors import DataError, UserError
from datagen.report.figures import LISTED, SAMPLES
from datagen.report.page import encoded, page, write_report


def data_of(html: str) -> dict:
    """What the page's script is given."""
    return json.loads(re.search(r"^const data = (.*);$", html, re.MULTILINE).group(1))


@given(st.text())
def test_encoded_data_is_the_same_json_and_cannot_end_a_script(text: str) -> None:
    done = encoded({"x": text})
    assert json.loads(done) == {"x": text}
    assert not set("<>&\u2028\u2029") & set(done)


@given(st.text(alphabet="</script>!-_DATA*pagejscs ", max_size=60))
def test_text_that_looks_like_the_templates_own_marks_stays_text(text: str) -> None:
    html = page({"x": text})
    assert data_of(html) == {"x": text}
    assert html.lower().count("<script") == html.lower().count("</script") == 1


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError):
        encoded({"x": float("nan")})


def test_hostile_text_is_in_the_data_alone(tmp_path: Path) -> None:
    html = write_report(hostile.make(tmp_path)).read_text(encoding="utf-8")
    assert "<img" not in html
    assert html.lower().count("</script") == 1
    data = data_of(html)
    assert data["name"] == hostile.EVERYTHING
    assert data["samples"][0]["turns"][0]["heard"] == hostile.EVERYTHING


def test_the_page_needs_no_network(built: Path) -> None:
    html = (built / "report" / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", html)
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_the_same_build_gives_the_same_page(built: Path, made: dict) -> None:
    first = data_of((built / "report" / "index.html").read_text(encoding="utf-8"))
    assert len(first["samples"]) == SAMPLES
    assert all(s["audio"] and len(s["peaks"]) == 2 for s in first["samples"])
    first["samples"] = first["samples"][:1]
    assert {k: first[k] for k in made} == json.loads(json.dumps(made))


@pytest.mark.parametrize("n_dialogs", [1, 2, 9])
def test_small_builds_without_audio_have_turns_and_words(tmp_path: Path, n_dialogs: int) -> None:
    outputs.make(tmp_path, n_dialogs=n_dialogs, audio=False)
    sample = data_of(write_report(tmp_path).read_text(encoding="utf-8"))["samples"][0]
    assert (sample["peaks"], sample["audio"]) == ([], "")
    assert all(t["words"] and t["end"] > t["start"] for t in sample["turns"])


def test_an_empty_build_makes_a_page(tmp_path: Path) -> None:
    outputs.publish(tmp_path, [])
    data = data_of(write_report(tmp_path).read_text(encoding="utf-8"))
    assert data["dialogs"] == data["samples"] == []
    assert all(h["n"] == 0 and h["quantiles"] == [] for h in data["histograms"])


def test_the_table_of_a_large_build_is_cut_and_its_page_stays_small(made: dict) -> None:
    rows = (made["dialogs"] * (LISTED // len(made["dialogs"]) + 1))[:LISTED]
    html = page({**made, "dialogs": rows, "samples": [], "columns": [], "listed": LISTED})
    assert len(html) < 400_000


def test_a_folder_without_a_build_and_a_damaged_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished build"):
        write_report(tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        write_report(tmp_path / "nowhere")
    (tmp_path / "build.json").write_text("{}")
    with pytest.raises(DataError, match="not the record of a build"):
        write_report(tmp_path)


def test_a_missing_or_broken_manifest_and_lost_audio_are_one_line(tmp_path: Path) -> None:
    outputs.make(tmp_path, n_dialogs=3)
    (tmp_path / "audio" / "bank-000000.flac").unlink()
    with pytest.raises(DataError, match=r"bank-000000\.flac: the manifest names it"):
        write_report(tmp_path)
    turns = tmp_path / "manifests" / "turns.parquet"
    turns.write_bytes(turns.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"turns\.parquet: cannot be read") as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
    turns.unlink()
    with pytest.raises(DataError, match=r"turns\.parquet: cannot be read"):
        write_report(tmp_path)
