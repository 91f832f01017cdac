"""One dialogue over its three tables: what the token row, the dialogs row and the turns rows say has to agree."""

from collections.abc import Iterator, Sequence

from datagen.check.calls import check_calls, check_constraint
from datagen.check.events import check_events
from datagen.check.overlap import check_overlap
from datagen.check.problem import Problem
from datagen.check.sound import check_sound
from datagen.check.streams import Row
from datagen.check.times import check_floor, check_turns, read_json
from datagen.check.tracks import check_activity, check_tracks
from datagen.load.local_files import LocalFiles
from datagen.records.build import BuildSummary
from datagen.records.maker import Maker
from datagen.records.speech import SAMPLE_RATE_HZ, n_frames
from datagen.stages.pack.rows import maker_id
from datagen.stages.pack.schema import Table, manifest_path
from datagen.stages.stitch.prefix import SPACER_COLUMNS, VOICE_PROMPT_COLUMNS, estimate_prefix_columns

MAX_COLUMNS = 2_048
"""The sequence limit of the models, prefix included (formats.md, section 2)."""

DIALOGS, TURNS = manifest_path(Table.DIALOGS), manifest_path(Table.TURNS)


def check_dialog(
    files: LocalFiles, build: BuildSummary, token_file: str, tokens: Row, dialog: Row, turns: Sequence[Row]
) -> Iterator[Problem]:
    """Every disagreement about one dialogue."""
    name = tokens["dialog_id"]
    yield from (Problem(token_file, name, what) for what in _tokens(build, tokens, dialog))
    yield from (Problem(DIALOGS, name, what) for what in _dialog(build, dialog, turns))
    yield from (Problem(DIALOGS, name, what) for what in _audio(files, build, dialog))
    for findings, file in (
        (check_turns(turns, dialog["duration_s"]), TURNS),
        (check_floor(turns), TURNS),
        (check_events(turns, dialog), TURNS),
        (check_overlap(tokens, turns), TURNS),
        (check_calls(turns, dialog), TURNS),
        (check_constraint(turns, dialog), DIALOGS),
        (check_tracks(tokens, dialog, turns), token_file),
        (check_activity(tokens, dialog, turns), DIALOGS),
    ):
        yield from (Problem(file, f"{name} {where}".strip(), what) for where, what in findings)


def _tokens(build: BuildSummary, tokens: Row, dialog: Row) -> Iterator[str]:
    for column in ("split", "n_frames", "role_context", "user_role_context"):
        if tokens[column] != dialog[column]:
            yield f"{column} is {_short(tokens[column])}, and in {DIALOGS} it is {_short(dialog[column])}."
    if tokens["content_id"] != build.content_id:
        yield f"content_id is {tokens['content_id']!r}, and the build's is {build.content_id!r}."
    codec = build.engines.get("codec", Maker("?", "?", "?", "?"))
    found = (tokens["codec_engine"], tokens["codec_model"], tokens["codec_revision"])
    if found != (codec.engine, codec.model, codec.revision):
        yield f"the codec is {found}, and the build's is {(codec.engine, codec.model, codec.revision)}."
    text = estimate_prefix_columns(tokens["role_context"]) - VOICE_PROMPT_COLUMNS - SPACER_COLUMNS
    # The first voice frame is lost to the initial tokens (formats.md, section 2).
    columns = tokens["n_prompt_frames"] - 1 + SPACER_COLUMNS + text + tokens["n_frames"]
    limit = _max_columns(build)
    if columns > limit:
        yield f"prefix and dialogue take about {columns} columns, and the limit is {limit}."


def _max_columns(build: BuildSummary) -> int:
    stitch = build.recipe.get("stitch")
    asked = stitch.get("max_columns") if isinstance(stitch, dict) else None
    return min(MAX_COLUMNS, asked) if isinstance(asked, int) else MAX_COLUMNS


def _dialog(build: BuildSummary, dialog: Row, turns: Sequence[Row]) -> Iterator[str]:
    wanted = n_frames(round(dialog["duration_s"] * SAMPLE_RATE_HZ))
    if dialog["n_frames"] != wanted:
        yield f"n_frames is {dialog['n_frames']}, and {dialog['duration_s']:.4f} s are {wanted} frames."
    if not dialog["role_context"].strip():
        yield "role_context is empty."
    if dialog["agent_voice"] == dialog["user_voice"]:
        yield f"agent and user have the same voice, {dialog['agent_voice']}."
    if dialog["n_turns"] != len(turns) or not turns:
        yield f"n_turns is {dialog['n_turns']}, and {TURNS} has {len(turns)}."
    elif dialog["first_speaker"] != turns[0]["speaker"]:
        yield f"first_speaker is {dialog['first_speaker']}, and the first turn is the {turns[0]['speaker']}'s."
    for turn in turns:
        if (turn["split"], turn["shard"]) != (dialog["split"], dialog["shard"]):
            yield f"turn {turn['turn']} is of {turn['split']} and {turn['shard']}, the dialogue of {dialog['split']} and {dialog['shard']}."
    values = {name: read_json(dialog[name]) for name in ("effects", "instance", "traits")}
    for name, value in values.items():
        if not isinstance(value, dict):
            yield f"{name} is not a JSON object: {_short(dialog[name])}."
    for name in ("company", "business", "agent_name"):
        if dialog[name] is not None and (values["instance"] or {}).get(name) != dialog[name]:
            yield f"{name} is {_short(dialog[name])}, and the instance says otherwise."
    for kind in ("writer", "speaker", "aligner", "codec"):
        if kind in build.engines and dialog[kind] != maker_id(build.engines[kind]):
            yield f"{kind} is {_short(dialog[kind])}, and the build's is {maker_id(build.engines[kind])!r}."


def _audio(files: LocalFiles, build: BuildSummary, dialog: Row) -> Iterator[str]:
    yield from check_sound(files, build, "audio_path", dialog["audio_path"], 2, dialog["duration_s"])
    stems = dialog["stems"]
    if bool(stems) != (dialog["stems_path"] is not None) or len(set(stems)) < len(stems):
        yield f"stems are {_short(stems)} and stems_path is {dialog['stems_path']!r}: names and file have to come together, each once."
    yield from check_sound(files, build, "stems_path", dialog["stems_path"], len(stems), dialog["duration_s"])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
