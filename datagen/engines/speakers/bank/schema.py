"""What a bank's folder holds, and the columns of its voices.parquet.

bank.json        who made it, from what, with which options; counts, the distance, the digest of voices.parquet. Written last
voices.parquet   a row a voice, sorted by id
clips/ID.flac    its reference clip: mono 16 bits at 24 kHz, 6 to 12 s at -24 LUFS
prompts/ID.flac  its voice prompt, 10 to 30 s of other text, likewise; not there for a base whose own clip was too short
index.html       all voices to play
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""Raised when a bank of before cannot be read any more."""
TABLE, ABOUT, CLIPS, PROMPTS, PAGE = "voices.parquet", "bank.json", "clips", "prompts", "index.html"
MAX_COUNT = 100_000
"""Voices of a bank: an id ends in five figures."""
CLIP_S = (6.0, 12.0)
"""Length of a reference clip: Chatterbox conditions its tokens on 6 s and its flow on 10 s of it; Turbo wants over 5 s."""
PROMPT_S = (10.0, 30.0)
LEVEL_LUFS = -24.0
"""Integrated loudness of clips and prompts, as PersonaPlex feeds them (ITU-R BS.1770)."""
SEXES = ("female", "male")
AGES = ("child", "adult", "elderly")


def columns() -> "pa.Schema":
    """The columns of voices.parquet, in their order."""
    import pyarrow as pa

    text, real, reals = pa.string(), pa.float64(), pa.list_(pa.float32())
    return pa.schema(
        [
            pa.field("id", text, nullable=False),
            pa.field("person", text, nullable=False),
            pa.field("base", text, nullable=False),
            pa.field("engine", text, nullable=False),
            pa.field("sex", text, nullable=False),
            pa.field("age", text, nullable=False),
            pa.field("held_out", pa.bool_(), nullable=False),
            pa.field("transform", text, nullable=False),
            pa.field("asked_f0_hz", real, nullable=False),
            pa.field("f0_hz", real, nullable=False),
            pa.field("f0_low_hz", real, nullable=False),
            pa.field("f0_high_hz", real, nullable=False),
            pa.field("asked_formant_ratio", real, nullable=False),
            pa.field("formant_ratio", real, nullable=False),
            pa.field("envelope_ratio", real, nullable=False),
            pa.field("formants_hz", pa.list_(real), nullable=False),
            pa.field("hnr_db", real, nullable=False),
            pa.field("clip_s", real, nullable=False),
            pa.field("clip_sha256", text, nullable=False),
            pa.field("prompt_s", real),
            pa.field("prompt_sha256", text),
            pa.field("features", reals, nullable=False),
            pa.field("embedding", reals),
            pa.field("place", reals, nullable=False),
            pa.field("distance", text, nullable=False),
            pa.field("cover_rank", pa.int32()),
            pa.field("nearest", text, nullable=False),
            pa.field("nearest_distance", real, nullable=False),
            pa.field("licence", text, nullable=False),
            pa.field("provenance", text, nullable=False),
        ]
    )


MEANINGS = {
    "id": "the voice; its files are clips/ID.flac and prompts/ID.flac",
    "person": "the base speaker; voices of one person share a split",
    "base": "the engine's own voice, or the name of the clip, that was transformed",
    "engine": "the speaker engine that said the base, or `clip`",
    "sex": "female or male, of the transformed voice (of a child: of the base)",
    "age": "child, adult or elderly: the profile that it was made for",
    "held_out": "its person never occurs in train",
    "transform": "settings of Praat's Change gender and what it was asked for, JSON: name to number",
    "asked_f0_hz": "the median F0 that was asked for",
    "f0_hz": "the median F0 of the stored clip",
    "f0_low_hz": "10th percentile of F0 over the voiced frames",
    "f0_high_hz": "90th percentile likewise",
    "asked_formant_ratio": "the factor on the base's formants that was asked for",
    "formant_ratio": "the factor as measured, the geometric mean over F1 to F3",
    "envelope_ratio": "the same factor by the shift of the spectral envelope, measured without knowing what was asked; coarser",
    "formants_hz": "median F1, F2 and F3 of the stored clip",
    "hnr_db": "harmonics-to-noise ratio, mean over voiced frames",
    "clip_s": "length of the reference clip",
    "clip_sha256": "SHA-256 of clips/ID.flac",
    "prompt_s": "length of the voice prompt, null where there is none",
    "prompt_sha256": "SHA-256 of prompts/ID.flac, likewise",
    "features": "the 17 acoustic numbers (speaker_distance.py) of the clip",
    "embedding": "the embedder's features, null where the bank was built without one",
    "place": "where the voice lies: two places' Euclidean distance is how far apart they sound, 1 the least that is two people",
    "distance": "what made place, cover_rank and nearest: `acoustic`, or the embedder's name and model",
    "cover_rank": "when the greedy cover took it, from 0; null where one that was taken sounds like it",
    "nearest": "the voice that sounds most like it",
    "nearest_distance": "how far that one is, in the units of place",
    "licence": "licence of the base speaker's audio",
    "provenance": "where the base speaker's audio comes from, and what was done to it",
}
"""What each column means, for `datagen voices` and the README; its names are those of `columns()`."""


def clip_path(folder: Path, voice_id: str) -> Path:
    return folder / CLIPS / f"{voice_id}.flac"


def prompt_path(folder: Path, voice_id: str) -> Path:
    return folder / PROMPTS / f"{voice_id}.flac"
