"""The folder of links that espeak-ng reads its data through: one a user, whole at any moment, and used again."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import espeakng_loader
import pytest

from datagen.engines.speakers.espeak_data import data_home
from datagen.errors import EngineError

SOURCE = str(espeakng_loader.get_data_path())


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_made_once_and_found_again(temporary: Path) -> None:
    home = Path(data_home(SOURCE))
    made = home.stat().st_ino
    assert (home / "voices" / "en-us").read_bytes() == Path(SOURCE, "lang", "gmw", "en-US").read_bytes()
    assert (home / "en_dict").read_bytes() == Path(SOURCE, "en_dict").read_bytes()
    assert data_home(SOURCE) == str(home)
    assert home.stat().st_ino == made
    assert list(temporary.iterdir()) == [home]


def test_one_that_a_clean_up_thinned_out_is_made_whole(temporary: Path) -> None:
    home = Path(data_home(SOURCE))
    (home / "phontab").unlink()
    shutil.rmtree(home / "voices")
    assert data_home(SOURCE) == str(home)
    assert (home / "phontab").exists()
    assert (home / "voices" / "!v").is_dir()
    assert list(temporary.iterdir()) == [home]


def test_many_at_once_agree(temporary: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        homes = set(pool.map(data_home, [SOURCE] * 24))
    assert [str(p) for p in temporary.iterdir()] == list(homes)


def test_what_leads_elsewhere_is_not_trusted(temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Path(data_home(SOURCE))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "home"
    home.rename(elsewhere)
    home.symlink_to(elsewhere)
    data_home(SOURCE)
    assert not home.is_symlink()
    (home / "en_dict").unlink()
    (home / "en_dict").symlink_to(__file__)
    data_home(SOURCE)
    assert (home / "en_dict").read_bytes() == Path(SOURCE, "en_dict").read_bytes()


def test_no_room_for_it_is_one_line(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "missing"))
    with pytest.raises(EngineError, match=r"TMPDIR") as caught:
        data_home(SOURCE)
    assert "\n" not in str(caught.value)


def test_a_killed_process_leaves_what_the_next_one_uses(temporary: Path) -> None:
    code = (
        "import sys, time\n"
        "from datagen.engines.speakers.espeak_library import EspeakLibrary\n"
        "library = EspeakLibrary(); library.version()\n"
        "sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(60)\n"
    )
    left = []
    for _ in range(2):
        env = {**os.environ, "TMPDIR": str(temporary)}
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGKILL)
        left.append([(p.name, p.stat().st_ino) for p in temporary.iterdir()])
    assert left[0] == left[1]
    assert len(left[0]) == 1
