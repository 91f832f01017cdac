"""The render group: spoken dialogues become channels, codes and rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO

import numpy as np

from datagen.audio.files import write_flac
from datagen.build import Build
from datagen.protocols import Codec, Failure
from datagen.records.enums import Stage
from datagen.records.maker import Reject
from datagen.records.plan import DialogPlan
from datagen.records.rendered import Codes, RenderedDialog
from datagen.records.speech import SAMPLE_RATE_HZ, Audio, SpokenDialog
from datagen.records.timeline import SceneDialog, StitchedDialog
from datagen.records.transcript import Transcript
from datagen.run import speech
from datagen.run.asking import encoded
from datagen.run.batches import DIALOGS, batches
from datagen.run.clips import VoiceClips
from datagen.run.meter import Meter
from datagen.run.prompts import VoicePrompts
from datagen.stages.encode import unit as encode
from datagen.stages.encode.unit import EncodeOptions
from datagen.stages.pack import rows, tables
from datagen.stages.scene import unit as scene
from datagen.stages.scene.options import SceneOptions
from datagen.stages.speak.deliverable import delivered
from datagen.stages.stitch import unit as stitch
from datagen.stages.stitch.activity import activity
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.prefix import estimate_prefix_columns
from datagen.store.ids import rng
from datagen.store.ledger import Artefact, Draft, Ledger


@dataclass(slots=True)
class _Rows:
    """What a shard has come to so far."""

    rendered: list[RenderedDialog] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    n_in: int = 0
    audio_s: float = 0.0


Spoken = tuple[DialogPlan, Transcript, SpokenDialog]
Scened = tuple[DialogPlan, Transcript, StitchedDialog, SceneDialog]


def run(
    build: Build,
    ledger: Ledger,
    written: Artefact,
    spoken: Artefact,
    keep_audio: bool,
    draft: Draft,
    meter: Meter,
    shard: str,
) -> None:
    """Writes tokens.parquet, dialogs.parquet, turns.parquet and, where they are kept, audio/ID.flac and stems/ID.flac."""
    prompts, clips = VoicePrompts(build, ledger, meter), VoiceClips(build, ledger, meter)
    shard_rows = _Rows()
    clips_at_once: int = build.engine("codec").clips_at_once
    for batch in batches(speech.read_spoken(spoken, written), max(DIALOGS // 2, -(-clips_at_once // 2))):
        shard_rows.n_in += len(batch)
        _render(build, batch, prompts, clips, keep_audio, draft, meter, shard_rows)
    with meter.time(Stage.PACK):
        made = rows.shard_tables(shard_rows.rendered, shard, build.makers, build.content_id(keep_audio))
        for kind, table in made.items():
            tables.write_table(table, draft.path(f"{kind}.parquet"), kind)
    meter.count(Stage.PACK, done=len(shard_rows.rendered))
    draft.note = {
        "n_in": shard_rows.n_in,
        "n_kept": len(shard_rows.rendered),
        "rejects": [asdict(r) for r in shard_rows.rejects],
        "audio_s": shard_rows.audio_s,
    }


def _render(
    build: Build,
    batch: Sequence[Spoken],
    prompts: VoicePrompts,
    clips: VoiceClips,
    keep_audio: bool,
    draft: Draft,
    meter: Meter,
    out: _Rows,
) -> None:
    scened: list[Scened] = []
    n_unstitched = 0
    for plan, transcript, dialog in batch:
        with meter.time(Stage.STITCH):
            stitched = stitch_one(build, plan, transcript, dialog, clips)
        if isinstance(stitched, Failure):
            out.rejects.append(_reject(plan, Stage.STITCH, stitched))
            n_unstitched += 1
            continue
        with meter.time(Stage.SCENE):
            others = clips.others(plan)
            heard = scene.apply(stitched, build.options(SceneOptions), rng(plan.seed, "scene", 0), others)
        if isinstance(heard, Failure):
            out.rejects.append(_reject(plan, Stage.SCENE, heard))
            continue
        if heard.stems:
            with meter.time(Stage.PACK, "engine"):
                heard = _with_stems_written(draft, plan, heard)
        scened.append((plan, transcript, stitched, heard))
    n_stitched = len(batch) - n_unstitched
    meter.count(Stage.STITCH, n_stitched, n_unstitched)
    meter.count(Stage.SCENE, len(scened), n_stitched - len(scened))
    _encode(build, scened, prompts, keep_audio, draft, meter, out)


def stitch_one(
    build: Build, plan: DialogPlan, transcript: Transcript, dialog: SpokenDialog, clips: VoiceClips
) -> StitchedDialog | Failure:
    """One spoken dialogue stitched with the build's options, its own seed and the clips of its voices."""
    prefix = estimate_prefix_columns(transcript.role_context)
    draws = rng(plan.seed, "stitch", 0)
    return stitch.stitch(plan, dialog, build.options(StitchOptions), draws, prefix, clips.in_dialog(plan))


def _encode(
    build: Build,
    scened: Sequence[Scened],
    prompts: VoicePrompts,
    keep_audio: bool,
    draft: Draft,
    meter: Meter,
    out: _Rows,
) -> None:
    codec = build.engine("codec")
    clips: list[Audio] = [clip for *_, heard in scened for clip in encode.prepare(heard.channels)]
    with meter.time(Stage.ENCODE, "engine"):
        codes = encoded(codec, clips)
    before = len(out.rendered)
    for i, (plan, transcript, stitched, heard) in enumerate(scened):
        timeline = stitched.timeline
        pair = _pair(codes[2 * i : 2 * i + 2], timeline.n_samples, codec, build.options(EncodeOptions))
        if isinstance(pair, Failure):
            out.rejects.append(_reject(plan, Stage.ENCODE, pair))
            if heard.stems:
                draft.path(_stems_path(plan)).unlink()
            continue
        path = f"audio/{plan.dialog_id}.flac" if keep_audio else None
        if path:
            with meter.time(Stage.PACK, "engine"):
                _write_flac(draft, path, heard.channels)
        out.audio_s += timeline.n_samples / SAMPLE_RATE_HZ
        prompt, user_prompt = prompts.codes(plan.agent_voice), prompts.codes(plan.user_voice)
        scene_record = _without_audio(heard)
        measured = activity(timeline)
        heard_text, n_tags_dropped = delivered(transcript, build.engine("speaker").renders)
        out.rendered.append(
            RenderedDialog(
                plan, heard_text, timeline, scene_record, measured, *pair, prompt, user_prompt,
                audio_path=path, stems=tuple(heard.stems), stems_path=_stems_path(plan) if heard.stems else None,
                n_tags_dropped=n_tags_dropped,
            )
        )  # fmt: skip
    made = out.rendered[before:]
    audio_s = sum(r.timeline.n_samples for r in made) / SAMPLE_RATE_HZ
    meter.count(Stage.ENCODE, len(made), len(scened) - len(made), audio_s)


def _pair(
    codes: Sequence[Codes | Failure], n_samples: int, codec: Codec, options: EncodeOptions
) -> tuple[Codes, Codes] | Failure:
    """The codes of both channels, or what is wrong with the first that has none."""
    good = [c for c in codes if not isinstance(c, Failure)]
    failed = next((c for c in codes if isinstance(c, Failure)), None)
    return failed or encode.finish(good, n_samples, codec, options)


def _without_audio(heard: SceneDialog) -> SceneDialog:
    """The scene's parameters alone: the rows need no samples, and a shard's samples would not stay flat."""
    return replace(heard, channels=np.zeros((2, 0), np.float32), stems={})  # an empty view would hold them all


def _stems_path(plan: DialogPlan) -> str:
    return f"stems/{plan.dialog_id}.flac"


def _with_stems_written(draft: Draft, plan: DialogPlan, heard: SceneDialog) -> SceneDialog:
    """The scene with its stems in their file and no samples of them: eight a dialogue would not stay in hand."""
    _write_flac(draft, _stems_path(plan), np.stack(list(heard.stems.values())))
    return replace(heard, stems={name: np.zeros(0, np.float32) for name in heard.stems})


def _write_flac(draft: Draft, path: str, audio: Audio) -> None:
    # In memory first: on a full disk libsndfile says nothing that a person could act on.
    write_flac(flac := BytesIO(), audio)
    draft.path(path).write_bytes(flac.getbuffer())


def _reject(plan: DialogPlan, stage: Stage, failure: Failure) -> Reject:
    return Reject(plan.dialog_id, stage, failure.reason, failure.detail)
