"""What the report's tests share: the figures of the small build, made once: their MP3 take time."""

from pathlib import Path
from typing import Any

import pytest

from datagen.report.corpus import open_corpus
from datagen.report.figures import figures


@pytest.fixture(scope="session")
def made(built: Path) -> dict[str, Any]:
    """The figures, with one sample of the page's six."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datagen.report.figures.SAMPLES", 1)
        return figures(open_corpus(built))
