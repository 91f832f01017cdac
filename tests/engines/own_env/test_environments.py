"""Environments of engines: whole or not there at all, whatever stops an install; pip is the real one, its packages are ours."""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest

from datagen.engines.own_env import environments, relock
from datagen.engines.own_env import install as installing
from datagen.engines.own_env.environments import Check, Pins
from datagen.engines.own_env.install import Steps, install
from datagen.engines.own_env.pip_faults import explained
from datagen.errors import EngineError, UserError
from tests.conftest import inside


def wheel(folder: Path, name: str, version: str, code: str = "", needs: str = "") -> Path:
    """A wheel of one module, as an index would serve it."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    files = {
        f"{name}.py": code, f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for path, text in files.items()
    )
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for inner, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            out.writestr(inner, text)
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real virtual environment with pip, which the tests copy: making it is what takes the time."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheels of an engine `toy`, which has two flavours, and a home for environments."""
    folder = tmp_path / "index"
    folder.mkdir()
    made = wheel(folder, "toyengine", "1.0", needs="helper")
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    toy = {
        "gpu": Pins("toyengine", "1.0", "toyengine", gb=0.001),
        "cpu": Pins("toyengine", "1.0", "toyengine", gb=0.001, sha256=sha256, remove=("helper",), note="for trying"),
    }
    monkeypatch.setattr(environments, "FLAVOURS", {"toy": toy})
    monkeypatch.setenv(environments.VARIABLE, str(tmp_path / "engines"))
    return folder


@pytest.fixture
def index(engines: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the only index that pip knows."""
    wheel(engines, "helper", "2.0")
    wheel(engines, "helper", "1.5")
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(engines))
    monkeypatch.setattr(Steps, "venv", lambda self: shutil.copytree(bare, self._folder, symlinks=True))
    return engines


def left(tmp_path: Path) -> list[str]:
    """The folders of environments that are there."""
    return sorted(p.name for p in (tmp_path / "engines").iterdir() if p.is_dir())


@pytest.mark.slow
def test_an_environment_is_made_once_and_known_afterwards(index: Path, tmp_path: Path) -> None:
    said: list[str] = []
    made = install("toy", "cpu", say=said.append)
    assert said == ["toyengine==1.0", "toyengine==1.0 and what it needs", "without helper", "import toyengine"]
    assert made == environments.find("toy")
    assert (made.version, made.flavour, made.packages["toyengine"]) == ("1.0", "cpu", "1.0")
    assert "helper" not in made.packages
    assert made.label() == "toy 1.0 (cpu build, for trying)"
    said.clear()
    assert install("toy", "cpu", say=said.append) == made
    assert said == []
    again = install("toy", "gpu", first=["helper==1.5"], say=said.append)  # another flavour takes its place
    assert said[0] == "helper==1.5"
    assert again.packages["helper"] == "1.5"
    assert left(tmp_path) == [again.folder.name]
    assert environments.needed("toy") == again


@pytest.mark.slow
def test_it_takes_from_this_environment_what_will_do_and_ends_with_it(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(index, "toyengine", "1.0", code="import numpy", needs="numpy")
    with pytest.raises(EngineError, match="the package index has no build of it"):
        install("toy", "gpu")  # the index has none
    made = install("toy", "gpu", share=True)
    assert made.shared["numpy"] == made.packages["numpy"] == metadata.version("numpy")
    assert "toyengine" not in made.shared
    assert environments.find("toy") == made
    here = environments.versions
    monkeypatch.setattr(environments, "versions", lambda folders: {**here(folders), "numpy": "0.1"})
    assert environments.find("toy") is None  # another numpy is there now
    monkeypatch.setattr(
        environments,
        "FLAVOURS",
        {"toy": {"gpu": Pins("toyengine", "1.0", "toyengine", gb=0.001, lock="chatterbox-gpu.txt")}},
    )
    with pytest.raises(UserError, match="toy: --share: the gpu environment is exactly its lock file"):
        install("toy", "gpu", share=True)


@pytest.mark.slow
def test_an_install_that_fails_says_why_in_a_line_and_leaves_nothing(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[tuple[Mapping[str, str], list[str], str, str]] = [
        ({"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": ""}, [], "gpu",
         "no package index can be reached"),
        ({}, ["nothing-of-that-name"], "gpu", "nothing-of-that-name: the package index has no build"),
        ({}, ["helper==1.5", "helper==2.0"], "gpu", "clashes"),
    ]  # fmt: skip
    for variables, first, flavour, says in cases:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(EngineError) as error:
                install("toy", flavour, first)
        assert says in str(error.value)
        assert "\n" not in str(error.value)
    wheel(index, "toyengine", "1.0", code="# another build of the same version", needs="helper")
    with pytest.raises(EngineError, match="is not the pinned one"):
        install("toy", "cpu")
    wheel(index, "toyengine", "1.0", code="import nothing_there", needs="helper")
    with pytest.raises(
        EngineError, match="import toyengine: failed: ModuleNotFoundError: No module named 'nothing_there'. All of it: "
    ):
        install("toy", "gpu")
    assert environments.find("toy") is None
    assert left(tmp_path) == []


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_lock_file_is_all_that_is_installed(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    good, older = sha256_of(index / "toyengine-1.0-py3-none-any.whl"), sha256_of(index / "helper-1.5-py3-none-any.whl")
    lock = tmp_path / "toy-gpu.txt"
    lock.write_text(f"toyengine==1.0 \\\n    --hash=sha256:{good}\nhelper==1.5 --hash=sha256:{older}\n")
    pins = Pins("toyengine", "1.0", "toyengine", gb=0.001, lock=lock.name)
    monkeypatch.setattr(environments, "FLAVOURS", {"toy": {"gpu": pins}})
    with pytest.raises(
        UserError, match="--with helper==2.0: the gpu environment is exactly its lock file .toy-gpu.txt."
    ):
        install("toy", "gpu", ["helper==2.0"])
    said: list[str] = []
    made = install("toy", "gpu", say=said.append)
    assert said == ["a virtual environment", "toyengine==1.0 by toy-gpu.txt", "import toyengine"][1:]
    assert made.packages["helper"] == "1.5"
    lock.write_text(f"toyengine==1.0 --hash=sha256:{good}\nhelper==1.5 --hash=sha256:{good}\n")
    with pytest.raises(
        EngineError, match="toyengine==1.0 by toy-gpu.txt: the file that the index gives is not the pinned one"
    ):
        install("toy", "gpu", again=True)
    assert environments.find("toy") == made


@pytest.mark.slow
def test_a_package_off_its_pins_is_checked(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what it asks for, with what it is given instead, and without the files that clash."""
    wheel(index, "toyengine", "1.0", needs="nothing-of-that-name")
    check = Check("the mark", "import helper, sys; sys.exit(getattr(helper, 'bad', 0))", "helper has no mark here.")
    loose = {"alone": ("spare==1.0",), "beside": ("helper==1.5",), "delete": ("spare.*",), "checks": (check,)}
    pins = Pins("toyengine", "1.0", "toyengine", gb=0.001, **loose)  # type: ignore[arg-type]
    monkeypatch.setattr(environments, "FLAVOURS", {"toy": {"cpu": pins}})
    wheel(index, "spare", "1.0", needs="another-of-that-name")
    made = install("toy", "cpu")
    assert (made.packages["helper"], made.packages["spare"]) == ("1.5", "1.0")
    assert not list(made.folder.rglob("spare.py"))
    wheel(index, "helper", "1.5", code="bad = 1")
    with pytest.raises(EngineError, match="toy: the mark: helper has no mark here. All of it: "):
        install("toy", "cpu", again=True)


def test_the_locks_pin_every_package_by_hash() -> None:
    """Of each engine's lock: the pinned version is in it, every line has a hash, and its inputs are known to relock."""
    found = {
        f"{name}-{flavour}": p for name, of in environments.FLAVOURS.items() for flavour, p in of.items() if p.lock
    }
    assert found
    for name, pins in found.items():
        text = (environments.LOCKS / pins.lock).read_text()
        packages = [block for block in text.replace("\\\n", "").splitlines() if not block.startswith("#")]
        assert len(packages) > 50
        assert all(re.fullmatch(r"[a-z0-9-]+==\S+( +--hash=sha256:[0-9a-f]{64})+", line) for line in packages)
        assert any(line.startswith(f"{pins.requirement} ") for line in packages)
        assert pins.requirement in relock.INPUTS[name].requirements
        assert f"relock {name}" in text


@pytest.mark.parametrize(
    ("wheel_name", "fits"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("a-1-cp38-abi3-manylinux_2_28_x86_64.whl", True),
        ("a-1-py3-none-manylinux2014_x86_64.whl", True),
        ("a-1-cp313-cp313-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp314-abi3-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp312-cp312-manylinux_2_17_aarch64.whl", False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("a-1-cp311-cp311-macosx_11_0_arm64.whl", False),
    ],
)
def test_which_wheels_a_lock_names(wheel_name: str, fits: bool) -> None:
    assert relock._fits(wheel_name, relock.INPUTS["chatterbox-gpu"]) is fits


@pytest.mark.slow
def test_a_failed_install_leaves_the_one_that_was_there(index: Path) -> None:
    made = install("toy", "gpu")
    with pytest.raises(EngineError):
        install("toy", "gpu", ["nothing-of-that-name"], again=True)
    assert environments.find("toy") == made
    assert made.python.exists()


@pytest.mark.slow
def test_a_killed_install_is_made_anew(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with its installer as the machine kills them: what is left counts for nothing, and the next one sweeps it."""
    waiting = tmp_path / "waiting"
    wheel(
        index,
        "toyengine",
        "1.0",
        code=f"open({str(waiting)!r}, 'w').close()\nimport time\ntime.sleep(600)",
        needs="helper",
    )
    script = (
        "import shutil, sys\nfrom datagen.engines.own_env import environments\nfrom datagen.engines.own_env.environments import Pins\n"
        "from datagen.engines.own_env.install import Steps, install\n"
        "environments.FLAVOURS = {'toy': {'gpu': Pins('toyengine', '1.0', 'toyengine', gb=0.001)}}\n"
        "install('toy', 'gpu')\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    end = time.monotonic() + 60
    while not waiting.exists():
        assert killed.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    with pytest.raises(UserError, match=f"process {killed.pid} is installing it"):
        install("toy", "gpu")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert environments.find("toy") is None
    assert len(left(tmp_path)) == 1
    wheel(index, "toyengine", "1.0", needs="helper")
    made = install("toy", "gpu")
    assert left(tmp_path) == [made.folder.name]


def put(home: Path, **more: object) -> Path:
    folder = home / "toy-gpu-1.0-0"
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "bin" / "python").touch()
    (folder / "pyvenv.cfg").touch()
    said = {
        "format": 1,
        "engine": "toy",
        "flavour": "gpu",
        "version": "1.0",
        "folder": folder.name,
        "python": "3.11.0",
        "packages": {},
    }
    (home / "toy.json").write_text(json.dumps({**said, **more}))
    return folder


def test_a_half_made_or_damaged_environment_is_not_there(engines: Path, tmp_path: Path) -> None:
    home = tmp_path / "engines"
    assert "its environment is not there" in environments.missing("toy")
    folder = put(home)
    assert environments.needed("toy").folder == folder
    for damage in (lambda: put(home, format=2), lambda: put(home, packages=[]), lambda: (folder / "bin" / "python").unlink(),
                   lambda: (home / "toy.json").write_text("{")):  # fmt: skip
        put(home)
        damage()
        assert environments.find("toy") is None
    with pytest.raises(EngineError, match="its environment is not whole .* Run: datagen engines install toy"):
        environments.needed("toy")


def test_an_environment_stays_until_another_is_pinned(
    engines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    (tmp_path / "toy-gpu.txt").write_text("toyengine==1.0 --hash=sha256:00\n")
    pins = Pins("toyengine", "1.0", "toyengine", gb=0.001, lock="toy-gpu.txt")
    monkeypatch.setattr(environments, "FLAVOURS", {"toy": {"gpu": pins}})
    made: list[str] = []
    monkeypatch.setattr(installing, "_make", lambda room, name, flavour, *_: made.append(flavour))
    put(tmp_path / "engines", pins=pins.digest)
    assert install("toy", "gpu") == environments.find("toy")
    assert made == []
    (tmp_path / "toy-gpu.txt").write_text("toyengine==1.0 --hash=sha256:11\n")
    install("toy", "gpu")
    assert made == ["gpu"]


def test_a_manifest_cannot_lead_out_of_its_home(engines: Path, tmp_path: Path) -> None:
    put(tmp_path / "engines", folder="../../elsewhere")
    assert environments.find("toy") is None


def test_where_environments_are_kept(tmp_path: Path) -> None:
    assert environments.home({environments.VARIABLE: str(tmp_path)}) == tmp_path
    assert environments.home({"XDG_DATA_HOME": "/data"}) == Path("/data/datagen/engines")
    assert environments.home({"XDG_DATA_HOME": "relative"}) == Path.home() / ".local" / "share" / "datagen" / "engines"


def test_what_cannot_be_installed_is_refused_before_anything_is_made(
    engines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="espeak: has no environment of its own to install. There are: toy."):
        install("espeak", "gpu")
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="no NVIDIA driver is seen here .*--cpu installs"):
        install("toy", "")
    assert not (tmp_path / "engines").exists()
    monkeypatch.setattr(installing.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 10**5))
    with pytest.raises(UserError, match="0.0 GB are free, and toyengine==1.0 takes about 0.001 GB"):
        install("toy", "gpu")
    old = {"gpu": Pins("toyengine", "1.0", "toyengine", gb=0.001, pythons=((3, 8), (3, 10)))}
    monkeypatch.setattr(environments, "FLAVOURS", {"toy": old})
    with pytest.raises(UserError, match="needs Python 3.8 to 3.10, and this is 3"):
        install("toy", "gpu")


@pytest.mark.parametrize(
    ("said", "code", "says"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", 1, "the disk is full"),
        ("The virtual environment was not created successfully because ensurepip is not available.", 1, "python3-venv"),
        ("ERROR: Package 'x' requires a different Python: 3.14.0 not in '<3.14'", 1, "no build of it is for this Python"),
        ("Collecting torch\n", -9, "was killed by SIGKILL (out of memory?). The same command makes it anew."),
        ("Collecting torch\n", 143, "was killed by SIGTERM."),
        ("Collecting torch\n\x1b[31mERROR: something of its own\x1b[0m\n[notice] a new pip\n", 1, "failed: ERROR: something of its own."),
        ("", 1, "failed: it said nothing."),
    ],
)  # fmt: skip
def test_what_pip_says_in_one_line(said: str, code: int, says: str) -> None:
    assert says in explained(said, code)


def test_datagen_engines_shows_environments(engines: Path, tmp_path: Path) -> None:
    assert "run: datagen engines install toy" in inside("engines").out
    put(tmp_path / "engines")
    shown = inside("engines").out
    assert "toy 1.0 (gpu build)" in shown
    done = inside("engines", "install", "espeak", "--cpu")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
