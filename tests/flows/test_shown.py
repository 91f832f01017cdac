"""What Prefect shows of a build, without a server."""

import logging

import pytest

from datagen.records.enums import Stage
from datagen.run.meter import Progress
from datagen.run.tally import Tally
from flows import shown


def test_a_notice_is_counted_and_goes_to_the_runs_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shown, "get_run_logger", lambda: logging.getLogger("run"))
    tally = Tally(1.0)
    hear = shown.hears(tally)
    hear(Progress(Stage.PACK, done=2))
    hear(Progress(Stage.PLAN, notice="train-00003: its worker died (SIGKILL); begun again."))
    assert tally.done[Stage.PACK] == 2
    assert [r.getMessage() for r in caplog.records] == ["train-00003: its worker died (SIGKILL); begun again."]
