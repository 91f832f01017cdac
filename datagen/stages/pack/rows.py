"""Records in, Arrow tables out: the rows of a shard, sorted as they are written."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

import pyarrow as pa

from datagen.errors import DataError
from datagen.records.enums import EventType, Speaker
from datagen.records.maker import Maker, Reject
from datagen.records.plan import DialogPlan, Voice
from datagen.records.rendered import RenderedDialog
from datagen.records.speech import SAMPLE_RATE_HZ, n_frames
from datagen.stages.pack.arrays import codes_array, list_array
from datagen.stages.pack.calls import TimedCall, timed_calls
from datagen.stages.pack.events import takes_floor, turn_events
from datagen.stages.pack.schema import SCORE_COLUMNS, Table, schema
from datagen.store.ids import canonical

VERSION = 5
"""Goes into content keys: raised when the same input gives another output."""

Columns = Mapping[str, Any]
"""Column name to a list of values or an Arrow array."""


def shard_tables(
    dialogs: Sequence[RenderedDialog], shard: str, makers: Mapping[str, Maker], content_id: str
) -> dict[Table, pa.Table]:
    """The tokens, dialogs and turns tables of one shard's kept dialogues, in any order given, sorted by id.

    `makers` are by engine kind; `content_id` is the digest of what a dialogue's bytes depend on beside its own plan.
    DataError where codes do not fit their dialogue.
    """
    ordered = sorted(dialogs, key=lambda d: d.plan.dialog_id)
    return {
        Table.TOKENS: tokens_table(ordered, makers["codec"], content_id),
        Table.DIALOGS: dialogs_table(ordered, shard, makers),
        Table.TURNS: turns_table(ordered, shard),
    }


def tokens_table(dialogs: Sequence[RenderedDialog], codec: Maker, content_id: str) -> pa.Table:
    """A row a dialogue: undelayed codes and timed words, from which a loader builds its own prefix and text row."""
    kinds = schema(Table.TOKENS)
    for dialog in dialogs:
        _check_frames(dialog)
    codes = {
        name: codes_array([getattr(d, name) for d in dialogs], kinds.field(name).type, [f"{d.plan.dialog_id} {name}" for d in dialogs])
        for name in ("agent_codes", "user_codes", "voice_prompt_codes", "user_voice_prompt_codes")
    }  # fmt: skip
    tracks = {"words": Speaker.AGENT, "user_words": Speaker.USER}
    words = {
        name: list_array([d.timeline.track_words(side) for d in dialogs], kinds.field(name).type, _getters("word", "start_s", "end_s"))
        for name, side in tracks.items()
    }  # fmt: skip
    n = len(dialogs)
    return _table(
        Table.TOKENS,
        {
            "dialog_id": [d.plan.dialog_id for d in dialogs],
            "split": [d.plan.split for d in dialogs],
            "n_frames": [n_frames(d.timeline.n_samples) for d in dialogs],
            **codes,
            "role_context": [d.transcript.role_context for d in dialogs],
            "user_role_context": [d.transcript.user_role_context for d in dialogs],
            **words,
            "codec_engine": [codec.engine] * n,
            "codec_model": [codec.model] * n,
            "codec_revision": [codec.revision] * n,
            "content_id": [content_id] * n,
        },
    )


def _check_frames(dialog: RenderedDialog) -> None:
    wanted = n_frames(dialog.timeline.n_samples)
    for name in ("agent_codes", "user_codes"):
        found = getattr(dialog, name).shape[-1]
        if found != wanted:
            raise DataError(
                f"{dialog.plan.dialog_id} {name}: {found} frames for {dialog.timeline.n_samples} samples, and have to be {wanted}."
            )


def dialogs_table(dialogs: Sequence[RenderedDialog], shard: str, makers: Mapping[str, Maker]) -> pa.Table:
    """A row a dialogue: what it is, how it goes, and who made it."""
    rows = [_dialog_row(d, shard) for d in dialogs]
    columns: dict[str, Any] = {
        name: [row[name] for row in rows] for name in _names(Table.DIALOGS) if not rows or name in rows[0]
    }
    for kind in ("writer", "speaker", "aligner", "codec"):
        columns[kind] = [maker_id(makers[kind])] * len(rows)
    return _table(Table.DIALOGS, columns)


def maker_id(maker: Maker) -> str:
    """An engine in one word: `engine:model@revision`."""
    return f"{maker.engine}:{maker.model}@{maker.revision}"


def _dialog_row(dialog: RenderedDialog, shard: str) -> dict[str, Any]:
    plan, transcript, timeline, scene, activity = (
        dialog.plan,
        dialog.transcript,
        dialog.timeline,
        dialog.scene,
        dialog.activity,
    )
    events = [e for found in turn_events(dialog).values() for e in found]
    agents = Counter(e.type for e in events if e.channel == Speaker.AGENT.channel)
    counts = Counter(e.type for e in events)
    return {
        "dialog_id": plan.dialog_id,
        "split": plan.split,
        "shard": shard,
        "kind": plan.kind,
        "domain": plan.domain,
        "scenario": plan.scenario,
        "company": _text_slot(plan, "company"),
        "business": _text_slot(plan, "business"),
        "agent_name": _text_slot(plan, "agent_name"),
        "role_context": transcript.role_context,
        "user_role_context": transcript.user_role_context,
        "agent_voice": plan.agent_voice,
        "user_voice": plan.user_voice,
        "seed": plan.seed,
        "first_speaker": timeline.turns[0].speaker if timeline.turns else plan.first_speaker,
        "n_turns": len(timeline.turns),
        "n_turns_cut": timeline.n_turns_cut,
        "n_marks_dropped": timeline.n_marks_dropped,
        "duration_s": timeline.n_samples / SAMPLE_RATE_HZ,
        "n_frames": n_frames(timeline.n_samples),
        **{f"n_{kind}": counts[kind] for kind in EventType},
        "n_agent_backchannel": agents[EventType.BACKCHANNEL],
        "agent_latency_s": timeline.agent_latency_s,
        "user_backchannel_room_s": timeline.room.user_backchannel_s,
        "agent_backchannel_room_s": timeline.room.agent_backchannel_s,
        "failed_barge_in_room_s": timeline.room.failed_barge_in_s,
        "agent_speech_s": activity.agent_s,
        "user_speech_s": activity.user_s,
        "overlap_s": activity.overlap_s,
        "silence_s": activity.silence_s,
        "snr_db": scene.snr_db,
        "effects": canonical(scene.effects),
        "masked_word_share": scene.masked_word_share,
        "audio_path": dialog.audio_path,
        "stems": list(dialog.stems),
        "stems_path": dialog.stems_path,
        "facts_used": list(transcript.facts_used),
        "instance": canonical(plan.instance),
        "traits": canonical(plan.traits),
        "constraint": transcript.constraint or None,
        "n_tool_calls": sum(len(calls) for calls in tool_calls(dialog).values()),
        "n_tags_dropped": dialog.n_tags_dropped,
        "generation": asdict(transcript.generation) if transcript.generation else None,
        "scores": [{"rubric": name, "score": score} for name, score in sorted(transcript.scores.items())],
    }


def _text_slot(plan: DialogPlan, name: str) -> str | None:
    value = plan.instance.get(name)
    return value if isinstance(value, str) and value else None


def tool_calls(dialog: RenderedDialog) -> dict[int, list[TimedCall]]:
    """The calls of every turn on the time line, by its index."""
    written = {t.index: t for t in dialog.transcript.turns}
    placed = {t.index: t for t in dialog.timeline.turns}
    return {i: timed_calls(written[i], turn, placed) for i, turn in placed.items()}


def turns_table(dialogs: Sequence[RenderedDialog], shard: str) -> pa.Table:
    """A row a turn, with every word as it was heard or not, and what happens in it."""
    kinds = schema(Table.TURNS)
    pairs = [(dialog, turn) for dialog in dialogs for turn in dialog.timeline.turns]
    written = {(d.plan.dialog_id, t.index): t for d in dialogs for t in d.transcript.turns}
    turns = [turn for _, turn in pairs]
    events = {d.plan.dialog_id: turn_events(d) for d in dialogs}
    calls = {d.plan.dialog_id: tool_calls(d) for d in dialogs}
    sources = [written[d.plan.dialog_id, t.index] for d, t in pairs]
    same = ("type", "text", "heard_text", "unheard_text", "start_s", "end_s", "fto_s", "speaker")
    return _table(
        Table.TURNS,
        {
            "dialog_id": [d.plan.dialog_id for d, _ in pairs],
            "turn": [t.index for t in turns],
            "split": [d.plan.split for d, _ in pairs],
            "shard": [shard] * len(pairs),
            **{name: [getattr(t, name) for t in turns] for name in same},
            "act": [s.act for s in sources],
            "barge_in": [takes_floor(d.timeline, t, EventType.BARGE_IN) for d, t in pairs],
            "agent_interruption": [takes_floor(d.timeline, t, EventType.AGENT_INTERRUPTION) for d, t in pairs],
            "events": list_array(
                [events[d.plan.dialog_id][t.index] for d, t in pairs],
                kinds.field("events").type,
                {
                    **_getters("type", "channel", "start_s", "end_s", "target_turn"),
                    "attrs": lambda e: canonical(e.attrs),
                },
            ),
            "words": list_array(
                [t.words for t in turns],
                kinds.field("words").type,
                _getters("word", "spoken", "start_s", "end_s", "heard"),
            ),
            "text_tagged": [s.text_tagged for s in sources],
            "tags": [list(s.tags) for s in sources],
            "tool_calls": list_array(
                [calls[d.plan.dialog_id][t.index] for d, t in pairs],
                kinds.field("tool_calls").type,
                _getters("name", "arguments", "result", "call_s", "result_s", "result_turn"),
            ),
            "audio_engine": [t.engine for t in turns],
            "audio_seed": [t.seed for t in turns],
            "audio_attempt": [t.attempt for t in turns],
            "watermarked": [t.watermarked for t in turns],
            **{name: [getattr(t.scores, name) for t in turns] for name in SCORE_COLUMNS},
        },
    )


def voices_table(
    voices: Iterable[Voice], n_dialogs: Mapping[str, int], prompt_paths: Mapping[str, str] | None = None
) -> pa.Table:
    """A row a voice, sorted by id; `n_dialogs` counts the kept dialogues that each speaks in, 0 where it lacks.

    `prompt_paths` say where in the output folder a voice's prompt is; None where no audio is kept.
    """
    ordered = sorted(voices, key=lambda v: v.id)
    same = (
        "id", "engine", "base", "sex", "f0_hz", "licence", "family", "person", "age", "held_out", "clip", "split",
    )  # fmt: skip
    return _table(
        Table.VOICES,
        {
            **{name: [getattr(v, name) for v in ordered] for name in same},
            "transform": [canonical(v.transform) for v in ordered],
            "formants_hz": [list(v.formants_hz) for v in ordered],
            "n_dialogs": [n_dialogs.get(v.id, 0) for v in ordered],
            "prompt_path": [(prompt_paths or {}).get(v.id) for v in ordered],
        },
    )


def rejects_table(rejects: Iterable[Reject], plans: Mapping[str, DialogPlan], shard: str) -> pa.Table:
    """A row a rejected dialogue of one shard, sorted by id; `plans` has the plan of each, by dialogue id."""
    ordered = sorted(rejects, key=lambda r: r.dialog_id)
    same = ("dialog_id", "stage", "reason", "detail", "attempts", "turn")
    planned = ("split", "kind", "domain", "scenario")
    return _table(
        Table.REJECTS,
        {
            **{name: [getattr(r, name) for r in ordered] for name in same},
            **{name: [getattr(plans[r.dialog_id], name) for r in ordered] for name in planned},
            "shard": [shard] * len(ordered),
        },
    )


def _getters(*names: str) -> dict[str, Callable[[Any], Any]]:
    return {name: attrgetter(name) for name in names}


def _names(kind: Table) -> list[str]:
    names: list[str] = schema(kind).names
    return names


def _table(kind: Table, columns: Columns) -> pa.Table:
    wanted = schema(kind)
    arrays = [
        columns[f.name] if isinstance(columns.get(f.name), pa.Array) else pa.array(columns.get(f.name, []), f.type)
        for f in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=wanted)
