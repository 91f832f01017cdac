"""The tables that come out, as data: every column with its type, unit and meaning.

The pyarrow schemas, the checks of what is read back and manifests/COLUMNS.md all come from here.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import pyarrow as pa

from datagen.records.enums import Tag

FORMAT = 1
"""Goes up when a reader of a table has to change."""


class Table(StrEnum):
    """The tables of a build: tokens in one file a shard, the others in one file each under manifests/."""

    TOKENS = "tokens"
    DIALOGS = "dialogs"
    TURNS = "turns"
    VOICES = "voices"
    REJECTS = "rejects"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `unit` is "" for what has none; a nullable column says in `meaning` when it is null."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table: what a row is, what it is sorted by, its columns, and how many rows a row group of its file has.

    `plain` names the leaf columns that a dictionary does not help: measured times, long texts that never repeat.
    """

    row: str
    sorted_by: tuple[str, ...]
    columns: tuple[Column, ...]
    row_group_rows: int
    plain: tuple[str, ...] = ()


def _list(element: pa.DataType) -> pa.DataType:
    # `element` is what parquet calls it; a name of pyarrow's own (`item`) would differ between what is written and read.
    return pa.list_(pa.field("element", element, nullable=False))


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind, nullable=False) for name, kind in fields.items()])


TEXT, REAL, COUNT, INDEX = pa.string(), pa.float64(), pa.int32(), pa.int64()
CODES = _list(_list(pa.int16()))
# Seconds are float64: a float32 of 1.68 s times 12.5 frames/s falls into the frame before.
TRACK_WORDS = _list(_struct(word=TEXT, start_s=REAL, end_s=REAL))
TURN_WORDS = _list(_struct(word=TEXT, spoken=TEXT, start_s=REAL, end_s=REAL, heard=TEXT))
TOOL_CALLS = _list(_struct(name=TEXT, arguments=TEXT, result=TEXT, call_s=REAL, result_s=REAL, result_turn=COUNT))
SCORES = _list(_struct(rubric=TEXT, score=REAL))
GENERATION = pa.struct(
    [
        pa.field(name, kind, nullable=name.endswith("tokens"))
        for name, kind in (
            ("model", TEXT), ("revision", TEXT), ("sampling", TEXT), ("prompt", TEXT), ("templates", TEXT), ("seed", INDEX),
            ("attempt", COUNT), ("guided", pa.bool_()), ("prompt_tokens", COUNT), ("completion_tokens", COUNT),
        )
    ]
)  # fmt: skip
EVENTS = _list(_struct(type=TEXT, channel=pa.int8(), start_s=REAL, end_s=REAL, target_turn=COUNT, attrs=TEXT))

_DIALOG_ID = Column("dialog_id", TEXT, "the dialogue, the same in every table")
_SPLIT = Column("split", TEXT, "train, valid or test; voices, companies and scenarios never cross splits")
_SHARD = Column("shard", TEXT, "name of the shard; its tokens are in `tokens/SHARD.parquet`")
_ROLE = Column("role_context", TEXT, "the agent's text prompt: who it is, whom it works for, the facts that it may use")
_USER_ROLE = Column(
    "user_role_context", TEXT, "the user's side as a text prompt, for swapped roles; empty where none was written"
)
_FRAMES = Column(
    "n_frames", COUNT, "80 ms columns of the dialogue: its samples at 24 kHz over 1920, rounded up", "frames"
)

_TOKENS = (
    _DIALOG_ID,
    _SPLIT,
    _FRAMES,
    Column("agent_codes", CODES, "the agent's channel, books (8, or codec.books) x n_frames, undelayed, 0 to 2047", "codes"),
    Column("user_codes", CODES, "the user's channel, books x n_frames, undelayed, 0 to 2047", "codes"),
    Column("voice_prompt_codes", CODES, "the agent's voice prompt, books x its frames", "codes"),
    Column("user_voice_prompt_codes", CODES, "the user's voice prompt, books x its frames", "codes"),
    _ROLE,
    _USER_ROLE,
    Column(
        "words", TRACK_WORDS,
        "the agent's heard words and its backchannels by start: what the text row is made of. "
        "A word that a cut shortened is here if at least half of it was heard", "s",
    ),
    Column("user_words", TRACK_WORDS, "the same of the user", "s"),
    Column("codec_engine", TEXT, "codec engine of all codes of the row"),
    Column("codec_model", TEXT, "its model"),
    Column("codec_revision", TEXT, "its revision"),
    Column("content_id", TEXT, "digest of what the row's bytes depend on beside its own plan: recipe, inputs, engines"),
)  # fmt: skip

_DIALOGS = (
    _DIALOG_ID,
    _SPLIT,
    _SHARD,
    Column("kind", TEXT, "service, qa, casual, tool, instruction or probe"),
    Column("domain", TEXT, "the folder under prompts/ that it was made from"),
    Column("scenario", TEXT, "the scenario of the domain"),
    Column("company", TEXT, "whom the agent works for; null where the kind has no company", nullable=True),
    Column("business", TEXT, "what the company is, as in `which is a ...`; null where there is no company", nullable=True),
    Column("agent_name", TEXT, "the agent's name; null where it has none", nullable=True),
    _ROLE,
    _USER_ROLE,
    Column("agent_voice", TEXT, "voices.id of the agent"),
    Column("user_voice", TEXT, "voices.id of the user"),
    Column("seed", INDEX, "what every draw of the dialogue derives from"),
    Column("first_speaker", TEXT, "agent or user"),
    Column("n_turns", COUNT, "turns on the time line", "turns"),
    Column("n_turns_cut", COUNT, "turns that were written and left off at the end, to stay within the sequence limit", "turns"),
    Column(
        "n_marks_dropped", COUNT,
        "pauses, failed barge-ins and side talk that were written and found no room, and what had no sound; a written backchannel "
        "is an offer", "marks",
    ),
    Column("duration_s", REAL, "length of both channels", "s"),
    _FRAMES,
    Column("n_barge_in", COUNT, "times that the user takes the floor while the agent speaks, and the agent yields", "events"),
    Column("n_failed_barge_in", COUNT, "times that the user says something over the agent's turn and gives up", "events"),
    Column("n_agent_interruption", COUNT, "times that the agent takes the floor while the user speaks", "events"),
    Column("n_backchannel", COUNT, "backchannels of both sides", "events"),
    Column("n_agent_backchannel", COUNT, "the agent's of them, inside turns of the user", "events"),
    Column("n_overlap", COUNT, "turns that begin before the other's has ended, without cutting it", "events"),
    Column("n_pause", COUNT, "hesitations inside turns", "events"),
    Column("n_disfluency", COUNT, "fillers, repetitions and corrections of the user", "events"),
    Column("n_long_silence", COUNT, "times that the user says nothing for long before a turn begins", "events"),
    Column("n_side_talk", COUNT, "times that the user talks to somebody else", "events"),
    Column("n_sound", COUNT, "discrete sounds on the user's channel", "events"),
    Column("agent_latency_s", REAL, "median FTO that was drawn for the agent's turns of this dialogue: its response time", "s"),
    Column("user_backchannel_room_s", REAL, "time of those of the agent's turns that have a place for a backchannel", "s"),
    Column("agent_backchannel_room_s", REAL, "the same of the user's turns, for the agent's backchannels", "s"),
    Column("failed_barge_in_room_s", REAL, "time of those of the agent's turns that have a place for a failed barge-in", "s"),
    Column("agent_speech_s", REAL, "time in which the agent speaks: union of its word spans on the clean channel", "s"),
    Column("user_speech_s", REAL, "time in which the user speaks: union of its word spans on the clean channel", "s"),
    Column("overlap_s", REAL, "time in which both speak", "s"),
    Column("silence_s", REAL, "time in which neither speaks", "s"),
    Column("snr_db", REAL, "asked SNR of the user's channel over speech, noise and babble together; null without", "dB", nullable=True),
    Column("effects", TEXT, "what was done to the user's channel, JSON: effect to its parameters; {} for nothing"),
    Column("masked_word_share", REAL, "share of the user's words under 0 dB local signal-to-noise ratio", "share"),
    Column("audio_path", TEXT, "stereo FLAC in the output folder, agent left; null where no audio is kept", nullable=True),
    Column(
        "stems", _list(TEXT),
        "what the user's channel was summed from, in the order of the channels of stems_path, each clipped at full scale for itself; "
        "empty without stems",
    ),
    Column("stems_path", TEXT, "FLAC in the output folder, a channel a stem; null where no stems are kept", nullable=True),
    Column("facts_used", _list(TEXT), "display values that the agent states, each in its role context or said by the user"),
    Column("instance", TEXT, "the grounded scenario, JSON: slot to value"),
    Column("traits", TEXT, "how the caller behaves, JSON"),
    Column(
        "constraint", TEXT, "kind instruction: what the agent's turns keep once it is set, JSON with its type; null in others",
        nullable=True,
    ),
    Column("n_tool_calls", COUNT, "tools that the agent calls; see turns.tool_calls", "calls"),
    Column("n_tags_dropped", COUNT, "delivery tags and vocal sounds that were written and that the speaker engine cannot render", "tags"),
    Column(
        "generation", GENERATION,
        "how a language model wrote it: model, revision, sampling (JSON), SHA-256 of the prompt, digest of the templates, seed, attempt "
        "from 0, whether a JSON schema guided it, tokens as the server counted; null where none did", nullable=True,
    ),
    Column("scores", SCORES, "an LLM judge's scores by rubric, 1 (worst) to 5; empty without a judge"),
    Column("writer", TEXT, "who wrote it: engine:model@revision"),
    Column("speaker", TEXT, "who spoke it: engine:model@revision"),
    Column("aligner", TEXT, "who timed its words: engine:model@revision"),
    Column("codec", TEXT, "whose tokens they are: engine:model@revision"),
)  # fmt: skip

_TURNS = (
    _DIALOG_ID,
    Column("turn", COUNT, "index of the turn in the dialogue, from 0 without gaps"),
    _SPLIT,
    _SHARD,
    Column("speaker", TEXT, "agent or user"),
    Column("type", TEXT, "greeting, question, answer, confirmation, after_lookup, statement, objection or closing"),
    Column("act", TEXT, "the writer's own name for what the turn does; may be empty"),
    Column("text", TEXT, "the whole turn as written, display text (`$12.50`)"),
    Column("text_tagged", TEXT, "the text with how it is delivered: tags in angle brackets before it, sounds (`[sigh]`) at their words"),
    Column("heard_text", TEXT, "what of it was spoken before a cut; all of it where there was none"),
    Column("unheard_text", TEXT, "what of it never was spoken; empty where there was no cut"),
    Column("start_s", REAL, "start of its audio, from the start of the dialogue", "s"),
    Column("end_s", REAL, "end of its audio; of a cut turn the end of the fade", "s"),
    Column(
        "fto_s", REAL,
        "floor-transfer offset: start minus the end of the other speaker's last turn, negative is overlap; "
        "null where the floor does not change hands", "s", nullable=True,
    ),
    Column("barge_in", pa.bool_(), "the user takes the floor with this turn while the agent's turn goes on, and the agent yields"),
    Column("agent_interruption", pa.bool_(), "the agent takes the floor with this turn while the user's turn goes on"),
    Column(
        "events", EVENTS,
        "what happens in the turn besides its words, by start: type (see Events), channel of whoever does it "
        "(0 agent, 1 user), times, the turn that it happens to, attrs as JSON", "s",
    ),
    Column(
        "words", TURN_WORDS,
        "every word as written and as spoken, with times and heard (yes, partial, no); an unheard word has the times "
        "that it would have had, a partly heard one the end", "s",
    ),
    Column("tags", _list(TEXT), f"how it is delivered: {', '.join(Tag)}"),
    Column(
        "tool_calls", TOOL_CALLS,
        "a side track, not spoken: functions that the agent calls in this turn, with arguments and result (JSON), the time of the call "
        "(a holding phrase ends) and of the result, before the turn result_turn speaks it", "s",
    ),
    Column("audio_engine", TEXT, "speaker engine of this turn's audio"),
    Column("audio_seed", INDEX, "the seed that the engine was given"),
    Column("audio_attempt", COUNT, "which attempt at speaking the turn this is, from 0"),
    Column("watermarked", pa.bool_(), "the speaker engine put its watermark into the audio"),
    *(
        Column(name, REAL, f"{meaning}; null where it was not measured", unit, nullable=True)
        for name, meaning, unit in (
            ("wer", "word errors that the ASR hears (engines.asr), over the words of the text", "share"),
            ("words_per_s", "words as they are said, over the length of the audio", "words/s"),
            ("head_s", "sound before the first word, before it was cut", "s"),
            ("tail_s", "sound after the last word, before it was cut", "s"),
            ("inner_silence_s", "longest silence inside", "s"),
            ("stray_s", "most sound between two words that is in neither", "s"),
            ("edge_s_per_letter", "time of the first or last word a letter, at the voice's own rate: the less of both", "s/letter"),
            ("clipped_share", "share of samples at full scale, or on crests that are cut flat", "share"),
            ("level_db", "RMS as the engine gave it, before stitch levels it", "dB of full scale"),
            ("bandwidth_hz", "upper edge of the highest band that holds speech", "Hz"),
            ("noise_s", "longest noise as loud as speech", "s"),
            ("similarity", "of the speaker to the voice's reference, as the embedder scales it (engines.embedder)", ""),
            ("mos", "predicted mean opinion score (engines.mos), 1 to 5", "MOS"),
        )
    ),
)  # fmt: skip
SCORE_COLUMNS = tuple(c.name for c in _TURNS if c.nullable and c.name != "fto_s")
"""What was measured of a turn's speech: the fields of `records.speech.Scores`."""

_VOICES = (
    Column("id", TEXT, "the voice, as in dialogs.agent_voice and dialogs.user_voice"),
    Column("engine", TEXT, "speaker engine that it is a voice of"),
    Column("base", TEXT, "the engine's own voice that it is made from"),
    Column("transform", TEXT, "parameters of the engine and of the pitch and formant transform, JSON: name to number"),
    Column("sex", TEXT, "female or male, as the voice file says"),
    Column("f0_hz", REAL, "median pitch, measured", "Hz"),
    Column("formants_hz", _list(REAL), "mean F1, F2 and F3, measured", "Hz"),
    Column("licence", TEXT, "licence of the voice"),
    Column("family", TEXT, "the voice file (voices/FAMILY) that it is declared in, or the bank's name"),
    Column(
        "person",
        TEXT,
        "of a bank's voice the base speaker, whose voices share a split; empty for voices that are a person each",
    ),
    Column("age", TEXT, "child, adult or elderly"),
    Column("held_out", pa.bool_(), "of a bank's voice: its person never occurs in train"),
    Column("clip", TEXT, "SHA-256 of the reference clip that the engine was given; empty without one"),
    _SPLIT,
    Column("n_dialogs", COUNT, "kept dialogues that it speaks in, as agent or as user", "dialogues"),
    Column(
        "prompt_path",
        TEXT,
        "its voice prompt, mono FLAC at -24 LUFS; null where it does not speak or no audio is kept",
        nullable=True,
    ),
)

_REJECTS = (
    _DIALOG_ID,
    _SPLIT,
    _SHARD,
    Column("kind", TEXT, "service, qa, casual, tool, instruction or probe"),
    Column("domain", TEXT, "the folder under prompts/ that it was planned from"),
    Column("scenario", TEXT, "the scenario of the domain"),
    Column("stage", TEXT, "the stage that rejected it"),
    Column("reason", TEXT, "short reason code"),
    Column("detail", TEXT, "one line for a person, with the numbers"),
    Column("attempts", COUNT, "how often the unit was tried", "tries"),
    Column("turn", COUNT, "the turn at fault; null where it is the whole dialogue", nullable=True),
)

_WORD_TIMES = tuple(f"{words}.list.element.{at}" for words in ("words", "user_words") for at in ("start_s", "end_s"))

SPECS: dict[Table, TableSpec] = {
    Table.TOKENS: TableSpec("a dialogue", ("dialog_id",), _TOKENS, 64, _WORD_TIMES),
    Table.DIALOGS: TableSpec(
        "a dialogue", ("dialog_id",), _DIALOGS, 2_048,
        (
            "dialog_id", "role_context", "instance", "seed", "duration_s", "agent_speech_s", "user_speech_s", "overlap_s",
            "silence_s", "audio_path", "agent_latency_s", "user_backchannel_room_s", "agent_backchannel_room_s",
            "failed_barge_in_room_s", "masked_word_share", "stems_path",
        ),
    ),
    Table.TURNS: TableSpec(
        "a turn", ("dialog_id", "turn"), _TURNS, 16_384,
        (
            "start_s", "end_s", "fto_s", "audio_seed", "words.list.element.start_s", "words.list.element.end_s",
            "events.list.element.start_s", "events.list.element.end_s",
            "tool_calls.list.element.call_s", "tool_calls.list.element.result_s", *SCORE_COLUMNS,
        ),
    ),
    Table.VOICES: TableSpec("a voice", ("id",), _VOICES, 16_384, ("id", "transform", "f0_hz", "formants_hz.list.element", "prompt_path")),
    Table.REJECTS: TableSpec("a rejected dialogue", ("dialog_id",), _REJECTS, 16_384, ("dialog_id", "detail")),
}  # fmt: skip


@cache
def schema(kind: Table) -> pa.Schema:
    """The table's pyarrow schema; each field bears its unit and meaning as metadata."""
    fields = [
        pa.field(c.name, c.type, c.nullable, metadata={"unit": c.unit, "meaning": c.meaning})
        for c in SPECS[kind].columns
    ]
    return pa.schema(fields, metadata={"datagen.table": str(kind), "datagen.format": str(FORMAT)})


@cache
def leaf_paths(kind: Table) -> tuple[str, ...]:
    """The table's leaf columns as parquet names them, e.g. `agent_codes.list.element.list.element`."""
    return tuple(leaf for c in SPECS[kind].columns for leaf in _leaves(c.name, c.type))


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    if pa.types.is_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return [path]


def manifest_path(kind: Table) -> str:
    """Where a manifest lies in the output folder, e.g. `manifests/turns.parquet`."""
    return f"manifests/{kind}.parquet"


def token_file_name(split: str, number: int) -> str:
    """Where shard `number` of a split lies in the output folder: `tokens/train-00000.parquet`."""
    return f"tokens/{split}-{number:05d}.parquet"
