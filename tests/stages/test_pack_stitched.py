"""What stitch makes of random dialogues packs into tables in which check finds no fault."""

from dataclasses import replace

import factories
import numpy as np
import outputs
import stitch_factories

from datagen.check import check_build
from datagen.records.enums import Heard
from datagen.records.rendered import RenderedDialog
from datagen.records.speech import n_frames
from datagen.records.timeline import SceneDialog
from datagen.records.transcript import Transcript
from datagen.stages.stitch.activity import activity
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.prefix import estimate_prefix_columns
from datagen.stages.stitch.unit import stitch
from datagen.store.ids import rng


def _rendered(seed: int) -> RenderedDialog:
    spoken = _as_said(stitch_factories.dialog(seed, n_turns=90 if seed % 20 == 0 else seed % 30 + 4))
    plan = factories.plan(seed)
    role = "You work for Harbor Train Bank."
    options = StitchOptions(barge_in={"sampled_share": 0.3})
    made = stitch(plan, spoken, options, rng(seed, "stitch", 0), estimate_prefix_columns(role))
    line = made.timeline
    written = Transcript(plan.dialog_id, role, tuple(t.turn for t in spoken.turns), factories.MAKERS["writer"])
    frames = n_frames(line.n_samples)
    codes = [factories.codes(n, seed) for n in (frames, frames, 125, 125)]
    return RenderedDialog(plan, written, line, SceneDialog(np.zeros((2, 0), np.float32), {}), activity(line), *codes)


def _as_said(spoken):
    """The dialogue with backchannels whose words are those that their marks name."""
    turns = tuple(
        replace(t, asides=tuple(replace(b, speech=_named(b.speech, b.mark.text)) for b in t.asides))
        for t in spoken.turns
    )
    return replace(spoken, turns=turns)


def _named(speech, text):
    return replace(
        speech,
        words=tuple(replace(w, word=name, spoken=name) for w, name in zip(speech.words, text.split(), strict=True)),
    )


def test_check_finds_no_fault_in_what_stitch_makes(tmp_path):
    dialogs = [_rendered(seed) for seed in range(30)]
    heard = {w.heard for d in dialogs for t in d.timeline.turns for w in t.words}
    assert heard == set(Heard)
    assert any(d.timeline.n_turns_cut for d in dialogs)
    outputs.publish(tmp_path, dialogs)
    assert check_build(tmp_path) == []
