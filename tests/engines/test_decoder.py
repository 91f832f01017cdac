"""The codec of a build made again: any backend with the same tables, and no other tables."""

from dataclasses import replace
from pathlib import Path

import pytest

from datagen.engines.decoder import decoder
from datagen.errors import DataError
from datagen.load import open_build


def test_whatever_ran_the_tables_they_decode_here(built: Path) -> None:
    summary = open_build(built).summary
    made = summary.engines["codec"]
    elsewhere = replace(made, revision=f"another-library-1.0+cuda+{made.revision}")
    codec = decoder("a build", replace(summary, engines={**summary.engines, "codec": elsewhere}))
    assert codec.maker.revision == made.revision


def test_other_tables_are_refused(built: Path) -> None:
    summary = open_build(built).summary
    other = replace(summary.engines["codec"], revision="0123456789abcdef")
    with pytest.raises(
        DataError, match="a build: its tokens were made by melrvq revision 0123456789abcdef, and this is"
    ):
        decoder("a build", replace(summary, engines={**summary.engines, "codec": other}))
