"""The clips of real voices: made once, the same every time, found again, never another voice's, and none at all where none passes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from datagen import resources
from datagen.build import Build, resolve
from datagen.config import MixEntry, Recipe
from datagen.errors import UserError
from datagen.protocols import SpeakRequest
from datagen.records.enums import ClipKind, Kind, Speaker, Split
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Clip
from datagen.run.clips import VoiceClips
from datagen.run.meter import Meter, Progress
from datagen.store.ledger import Ledger


def build(**speak: object) -> Build:
    return resolve(Recipe(mix=(MixEntry(domains=("restaurant",)),), speak=dict(speak)))


BUILD = build()
VOICE = sorted(BUILD.voices)[7]


def clips_in(work: Path, made: Build = BUILD, notices: list[str] | None = None) -> VoiceClips:
    def report(progress: Progress) -> None:
        if notices is not None and progress.notice:
            notices.append(progress.notice)

    return VoiceClips(made, Ledger(work), Meter(report))


def same(one: Sequence[Clip], other: Sequence[Clip]) -> bool:
    return len(one) == len(other) and all(
        (a.kind, a.text, a.speech.words, a.speech.seed) == (b.kind, b.text, b.speech.words, b.speech.seed)
        and np.array_equal(a.speech.audio, b.speech.audio)
        for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


def test_a_voice_has_clips_of_every_kind_with_words_in_them(work: Path) -> None:
    bank = clips_in(work)
    for kind in ClipKind:
        found = bank.of(VOICE, kind)
        texts = BUILD.asides.texts(kind, Speaker.USER)
        assert found, kind
        assert {c.kind for c in found} == {kind}
        assert {c.text for c in found} <= set(texts)
        assert all(1 <= sum(c.text == text for c in found) <= 2 for text in {c.text for c in found})
        for clip in found:
            assert [w.word for w in clip.speech.words] == clip.text.split()
            assert clip.speech.words[0].start_s >= 0
            assert clip.speech.words[-1].end_s <= clip.speech.duration_s
            assert 0.1 < clip.speech.duration_s < 5


def test_each_side_listens_in_its_own_words(work: Path) -> None:
    bank = clips_in(work)
    plan = plan_of(VOICE, sorted(BUILD.voices)[9])
    own = bank.in_dialog(plan)
    for side, voice in ((Speaker.AGENT, plan.agent_voice), (Speaker.USER, plan.user_voice)):
        texts = {c.text for c in own(voice, ClipKind.BACKCHANNEL)}
        assert texts <= set(BUILD.asides.texts(ClipKind.BACKCHANNEL, side))
    assert same(bank.of(VOICE, ClipKind.SIDE_TALK, Speaker.AGENT), bank.of(VOICE, ClipKind.SIDE_TALK, Speaker.USER))


def test_it_is_spoken_once_and_the_same_elsewhere(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = clips_in(work).of(VOICE, ClipKind.BACKCHANNEL)
    assert same(first, clips_in(tmp_path).of(VOICE, ClipKind.BACKCHANNEL))

    def never(requests: Sequence[SpeakRequest]) -> None:
        raise AssertionError("spoken again")

    monkeypatch.setattr(BUILD.engine("speaker"), "speak", never)
    assert same(first, clips_in(work).of(VOICE, ClipKind.BACKCHANNEL))
    assert same(first, clips_in(work, build(max_s_per_word=0.55)).of(VOICE, ClipKind.BACKCHANNEL))


def test_another_limit_makes_them_anew_and_no_turn(work: Path) -> None:
    stricter = build(clips={"f0_ratio": 1.1})
    assert stricter.render_key("", "", True) != BUILD.render_key("", "", True)
    assert stricter.speech_key("") == BUILD.speech_key("")
    strict, loose = (clips_in(work, b).of(VOICE, ClipKind.BACKCHANNEL) for b in (stricter, BUILD))
    assert len(strict) <= len(loose)


def test_the_dialogues_are_made_anew_where_others_are_heard_in_the_background_and_no_clip_is() -> None:
    fewer, more = (build(clips={"bystanders": n}) for n in (5, 6))
    assert fewer.render_key("t", "s", True) != more.render_key("t", "s", True)
    assert fewer.clips_inputs == more.clips_inputs
    some, all_ = (
        resolve(Recipe(mix=(MixEntry(domains=("restaurant",)),), plan={"max_voices": n} if n else {})) for n in (60, 0)
    )
    assert some.bystanders != all_.bystanders
    assert some.render_key("t", "s", True) != all_.render_key("t", "s", True)


def test_ones_own_texts_make_all_of_it_anew(tmp_path: Path) -> None:
    file = tmp_path / "_shared" / "asides.toml"
    file.parent.mkdir()
    shipped = (resources.prompts() / "_shared" / "asides.toml").read_text()
    mix = (MixEntry(domains=("restaurant",)),)
    file.write_text(shipped.replace('"uh-huh"', '"go on"'))
    own = resolve(Recipe(mix=mix, domain_folders=(str(tmp_path),)))
    assert own.plan_digest == BUILD.plan_digest
    assert own.write_key((0,)) != BUILD.write_key((0,))
    assert own.speech_key("") != BUILD.speech_key("")
    assert own.render_key("", "", True) != BUILD.render_key("", "", True)
    (tmp_path / "wrong" / "_shared").mkdir(parents=True)
    (tmp_path / "wrong" / "_shared" / "asides.toml").write_text(shipped.replace('"Wait, but"', '"Wait, 2"'))
    with pytest.raises(UserError, match=r"asides.toml.failed_barge_in: 'Wait, 2' has to begin with a letter"):
        resolve(Recipe(mix=mix, domain_folders=(str(tmp_path / "wrong"),)))


def test_a_voice_without_clips_has_none_and_says_so(tmp_path: Path) -> None:
    notices: list[str] = []
    impossible = build(clips={"max_backchannel_s": 0.13})
    bank = clips_in(tmp_path, impossible, notices)
    assert bank.of(VOICE, ClipKind.BACKCHANNEL) == ()
    assert bank.of(VOICE, ClipKind.BACKCHANNEL) == ()
    assert len(notices) == 1
    assert notices[0].startswith(
        f"voice {VOICE} has no backchannel clips: of 12 candidates none passed, e.g. voice {VOICE} "
    )
    note = json.loads(next(tmp_path.glob("voices/*/done.json")).read_bytes())["note"]
    assert note == {"n_said": 12, "n_passed": 0, "n_kept": 0, "refused": {"too_long": 12}}


def plan_of(agent: str, user: str, seed: int = 3, split: Split = Split.TRAIN) -> DialogPlan:
    return DialogPlan(0, "d-000000", Kind.SERVICE, "d", "s", split, seed, Speaker.AGENT, agent, user)


def test_bystanders_are_others_of_the_split_and_the_first_stay(work: Path) -> None:
    some = build(clips={"bystanders": 5, "off_talks": 1, "candidates": 1, "keep": 1})
    pool = [v.id for v in some.voices.values() if v.split is Split.VALID]
    assert len(pool) > 5
    bank = clips_in(work, some)
    met: set[int] = set()
    for seed in range(6):
        others = bank.others(plan_of(pool[0], pool[1], seed, Split.VALID))
        one, many = others(1), others(9)
        assert 3 <= len(many) <= 5
        assert same(one[0], many[0])
        own = [bank.of(v, ClipKind.OFF_TALK) for v in pool[:2]]
        assert not any(same(clips, mine) for clips in many for mine in own)
        met.add(one[0][0].speech.seed)
    assert len(met) > 1
    assert all(
        c.kind is ClipKind.OFF_TALK and len(c.speech.audio) > SAMPLE_RATE_HZ // 2 for clips in many for c in clips
    )


def test_a_killed_process_leaves_nothing_half_made(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.run import test_clips as t\n"
        "from datagen.records.enums import ClipKind\n"
        "from datagen.run import clips\n"
        "def slow(passed, options):\n"
        "    sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(60)\n"
        "clips.speak.best = slow\n"
        f"t.clips_in(Path({str(tmp_path)!r})).of(t.VOICE, ClipKind.BACKCHANNEL)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert not [p for p in tmp_path.glob("voices/*") if not p.name.startswith(".tmp-")]
    assert clips_in(tmp_path).of(VOICE, ClipKind.BACKCHANNEL)
