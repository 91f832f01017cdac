"""What a reference clip of a user's has to be, told from its file and its samples; each fault is one line with the numbers.

Music is told from speech by rhythm and pitch alone, no model: what is sung or played keeps its notes (F0 within 0.3 semitones for
150 ms and more), and has no pauses. On 40 voices of five synthesisers and a human one steady notes were at most 0.15 of the voiced
frames, on synthetic melodies, chords and a steady song 0.88 and more; 0.43 to 0.79 of the frames were voiced against 0.76 and more. Music
under speech is found from about 10 dB under it on, by its filling of pauses; a song with wide vibrato by having none. Rap, and speech
over quieter music, pass. No real recordings of music were at hand to hold this against.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datagen.audio.files import read_audio
from datagen.audio.levels import integrated_lufs
from datagen.engines.speakers.bank.schema import CLIP_S
from datagen.engines.speakers.resampling import resample
from datagen.errors import DataError
from datagen.records.speech import SAMPLE_RATE_HZ, Audio

LEAST_RATE_HZ = 16_000
LONGEST_S, LARGEST_BYTES, LARGEST_SAMPLES = 600.0, 200_000_000, 60_000_000
"""Ten minutes in two channels at 48 kHz: a compressed file of little more than zeros could ask for hundreds of gigabytes."""
QUIETEST_LUFS = -50.0
CLIPPED_RUN, CLIPPED_SHARE = 3, 1e-4
"""A run of so many samples at the file's own peak is clipped; one in 10,000 samples in such runs is too much."""
BAND_EDGE_HZ, BAND_SHARE = 4_200.0, 1e-5
"""Speech has at least this share of its energy above the telephone's band; what was 8 kHz once has less."""
STEADY_S, STEADY_SEMITONES = 0.15, 0.3
MAX_STEADY, MAX_VOICED, LEAST_VOICED = 0.3, 0.93, 0.2
LEAST_SNR_DB = 18.0
"""95th over 10th percentile of the levels of 20 ms: recordings of speech have pauses."""
SAME_CHANNELS_DB = -50.0


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a clip is refused: a reason code, and what a person can do, in one line without the file's name."""

    reason: str
    detail: str


def read_clip(path: Path) -> Audio | Bad:
    """A clip as mono audio at 24 kHz, or why not: `huge`, `not_audio`, `rate`, `stereo`, `short`, and those of `fault_of`."""
    import soundfile

    size = path.stat().st_size
    if size > LARGEST_BYTES:
        return Bad("huge", f"{size / 1e6:.0f} MB (limit {LARGEST_BYTES / 1e6:.0f}). Cut 10 to 40 s out of it.")
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        why = str(error).rpartition(": ")[2].rstrip(".")
        return Bad("not_audio", f"is no audio file ({why}). WAV, FLAC, OGG and MP3 are read.")
    seconds = info.frames / info.samplerate if info.samplerate else 0.0
    if seconds > LONGEST_S:
        return Bad("huge", f"{seconds:.0f} s (limit {LONGEST_S:g}). Cut 10 to 40 s out of it.")
    if info.frames * info.channels > LARGEST_SAMPLES:
        return Bad(
            "huge",
            f"{info.channels} channels at {info.samplerate} Hz are {info.frames * info.channels / 1e6:.0f} million samples "
            f"(limit {LARGEST_SAMPLES / 1e6:.0f}). Cut 10 to 40 s out of it.",
        )
    if info.samplerate < LEAST_RATE_HZ:
        return Bad(
            "rate", f"{info.samplerate} Hz, and {LEAST_RATE_HZ} at least are needed: half of a voice is above 4 kHz."
        )
    if seconds < CLIP_S[0]:
        return Bad(
            "short",
            f"{seconds:.1f} s, and {CLIP_S[0]:g} at least are needed; from 20 s on there is a voice prompt too.",
        )
    try:
        samples, rate_hz = read_audio(path)
    except DataError as error:
        return Bad("not_audio", str(error).rpartition("(")[2].rstrip(").") or "cannot be read")
    if not np.isfinite(samples).all():
        return Bad("not_audio", "holds samples that are no numbers.")
    mono = _mono(samples)
    return mono if isinstance(mono, Bad) else _good(mono, rate_hz)


def _mono(samples: Audio) -> Audio | Bad:
    """The one channel; of several the first where they are alike."""
    if samples.ndim == 1:
        return samples
    power = float(np.mean(np.square(samples[0], dtype=np.float64)))
    apart = max(float(np.mean(np.square(c - samples[0], dtype=np.float64))) for c in samples[1:])
    if apart > power * 10 ** (SAME_CHANNELS_DB / 10):
        return Bad(
            "stereo",
            f"{len(samples)} channels that differ, and one voice in one channel is needed. Mix it down, or keep one.",
        )
    return np.ascontiguousarray(samples[0])


def _good(mono: Audio, rate_hz: int) -> Audio | Bad:
    fault = fault_of(mono, rate_hz)
    if fault is not None:
        return fault
    divisor = int(np.gcd(rate_hz, SAMPLE_RATE_HZ))
    up, down = SAMPLE_RATE_HZ // divisor, rate_hz // divisor
    if max(up, down) > 1_000:
        return Bad("rate", f"{rate_hz} Hz, an odd rate. Save it at 24000, 44100 or 48000 Hz.")
    audio = mono if up == down else resample(mono.astype(np.float64), up, down).astype(np.float32)
    # A file of floating-point numbers may go over full scale, and resampling a little too: 16 bits would cut it off there.
    peak = max(float(np.abs(audio).max()), 1.0)
    return music_or_noise(audio) or np.asarray(audio / np.float32(peak), dtype=np.float32)


def fault_of(mono: Audio, rate_hz: int) -> Bad | None:
    """`silent`, `clipped`, `band`: what is wrong with the samples at the file's own rate."""
    level = (
        integrated_lufs(mono, rate_hz) if rate_hz <= 48_000 else integrated_lufs(mono[:: -(-rate_hz // 48_000)], 48_000)
    )
    if level < QUIETEST_LUFS:
        return Bad(
            "silent", f"{level:.0f} LUFS (least {QUIETEST_LUFS:g}). Record it louder." if level > -200 else "is silent."
        )
    share = clipped_share(mono)
    if share > CLIPPED_SHARE:
        return Bad(
            "clipped", f"{share:.2%} of its samples are clipped (limit {CLIPPED_SHARE:.2%}). Record it more softly."
        )
    share = _share_above(mono, rate_hz, BAND_EDGE_HZ)
    if share < BAND_SHARE:
        return Bad(
            "band", f"nothing above {BAND_EDGE_HZ / 1000:g} kHz, as on a telephone, though its rate is {rate_hz} Hz."
        )
    return None


def clipped_share(mono: Audio) -> float:
    """The share of samples in runs of three and more at (within 0.01 % of) the highest or lowest value there is."""
    total = 0
    for at in (mono >= mono.max() * 0.9999, mono <= mono.min() * 0.9999):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], at.astype(np.int8), [0]])))
        runs = edges[1::2] - edges[::2]
        total += int(runs[runs >= CLIPPED_RUN].sum())
    return total / len(mono)


def _share_above(mono: Audio, rate_hz: int, edge_hz: float) -> float:
    power = np.square(np.abs(np.fft.rfft(mono.astype(np.float64))))
    return float(power[np.fft.rfftfreq(len(mono), 1 / rate_hz) > edge_hz].sum() / max(power.sum(), 1e-30))


def music_or_noise(audio: Audio) -> Bad | None:
    """`no_speech`, `music` or `noisy`, of mono audio at 24 kHz."""
    import parselmouth

    track = parselmouth.Sound(audio.astype(np.float64), SAMPLE_RATE_HZ).to_pitch_ac(
        time_step=0.01, pitch_floor=60.0, pitch_ceiling=600.0
    )
    hz = np.asarray(track.selected_array["frequency"], dtype=np.float64)
    voiced = float((hz > 0).mean())
    if voiced < LEAST_VOICED:
        return Bad(
            "no_speech", f"{voiced:.0%} of it is voiced (least {LEAST_VOICED:.0%}): noise, or hardly any speech."
        )
    steady = steady_share(hz)
    if steady > MAX_STEADY or voiced > MAX_VOICED:
        return Bad(
            "music",
            f"sounds like music or song: {steady:.0%} of its pitch stands still (limit {MAX_STEADY:.0%}), "
            f"{voiced:.0%} of it is voiced (limit {MAX_VOICED:.0%}).",
        )
    found = snr_db(audio)
    if found < LEAST_SNR_DB:
        return Bad(
            "noisy",
            f"its pauses are only {found:.0f} dB under its speech (least {LEAST_SNR_DB:g}): noise or music lies under it.",
        )
    return None


def steady_share(hz: NDArray[np.float64]) -> float:
    """The share of voiced frames (of 10 ms) in a stretch of 150 ms within which F0 moves by under 0.3 semitones."""
    n = round(STEADY_S / 0.01)
    voiced = hz > 0
    if len(hz) < n or not voiced.any():
        return 0.0
    semitones = 12 * np.log2(np.where(voiced, hz, 1.0))
    windows = np.lib.stride_tricks.sliding_window_view(semitones, n)
    whole = np.lib.stride_tricks.sliding_window_view(voiced, n).all(axis=1)
    starts = np.flatnonzero(whole & (np.ptp(windows, axis=1) < STEADY_SEMITONES))
    steady = np.zeros(len(hz), dtype=bool)
    for shift in range(n):
        steady[starts + shift] = True
    return float(steady.sum() / voiced.sum())


def snr_db(audio: Audio) -> float:
    """How far the 10th percentile of the levels of 20 ms lies under the 95th."""
    n = len(audio) // 480
    level = np.sqrt(np.square(audio[: n * 480], dtype=np.float64).reshape(n, 480).mean(axis=1))
    low, high = np.percentile(level, (10, 95))
    return float(20 * np.log10(max(high, 1e-9) / max(low, 1e-9)))
