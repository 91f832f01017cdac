"""A scaffold loads as it is, and says what is still missing."""

from pathlib import Path

import pytest

from datagen.domains import load
from datagen.domains.scaffold import scaffold
from datagen.errors import UserError


def test_a_scaffold_loads_and_the_check_says_what_is_left(tmp_path: Path) -> None:
    written = scaffold("kite_shop", 'Kites "and" more', tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in written) == [
        "kite_shop/acts.j2", "kite_shop/domain.toml", "kite_shop/scenarios/repair_status.toml",
    ]  # fmt: skip
    domain = load("kite_shop", (tmp_path,))
    assert domain.title == 'Kites "and" more'
    assert any("1 scenarios, at least 10 are needed" in p.what for p in domain.check())


@pytest.mark.parametrize("name", ["", "K", "kite shop", "../kite", "9kites", "kite-shop", "k" * 41])
def test_a_bad_name_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="is no name for a domain"):
        scaffold(name, "", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_yours_is_overwritten(tmp_path: Path) -> None:
    scaffold("kite_shop", "", tmp_path)
    (tmp_path / "kite_shop" / "domain.toml").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        scaffold("kite_shop", "", tmp_path)
    assert (tmp_path / "kite_shop" / "domain.toml").read_text() == "mine"
