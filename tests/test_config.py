"""Recipes: strict, and every mistake one line that names what is valid."""

from pathlib import Path

import pytest

from datagen import recipes
from datagen.build import resolve
from datagen.errors import UserError


def test_the_quickstart_composes() -> None:
    recipe = recipes.compose()
    assert (recipe.name, recipe.dialogs) == ("quickstart", 100)
    assert recipe.writer.engine == "agenda"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"dialogs": 0}, "--dialogs 0: has to be at least 1"),
        ({"hours": -1.0}, "--hours -1: has to be above 0"),
        ({"hours": float("nan")}, "--hours nan: has to be above 0"),
        ({"dialogs": 1, "hours": 1.0}, "exclude each other"),
        ({"name": "quickstrat"}, "Did you mean: quickstart"),
        ({"name": "no/such.toml"}, "no such file"),
        ({"profile": "tpu"}, "There are: gpu, local"),
        ({"domain_names": ["bnak"]}, "Did you mean bank"),
        ({"sets": ["run.shard_dialog=3"]}, "Did you mean shard_dialogs"),
        ({"sets": ["seed=abc"]}, "seed: input should be a valid integer"),
        ({"sets": ["seed=-1"]}, "seed: "),
        ({"sets": ["seed"]}, "write key=value"),
        ({"sets": ["seed.x=1"]}, "seed is no table"),
        ({"sets": ["splits.train=0.5"]}, "train + valid + test is 0.6"),
        ({"sets": ["name='../x'"]}, "name: "),
        ({"sets": ["dialogs=99999999999"]}, "dialogs: "),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_valid(arguments: dict[str, object], line: str) -> None:
    with pytest.raises(UserError) as caught:
        recipes.compose(**arguments)  # type: ignore[arg-type]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name = ", "not readable as TOML"),
        ("nmae = 'x'", "nmae: there is no such key. Did you mean name?"),
        ("[[mix]]\nkind = 'sevrice'", "mix.0.kind"),
        ("[[mix]]\ndomain = ['bank']", "mix.0.domain: there is no such key. Did you mean domains?"),
        ("mix = 3", "mix"),
    ],
)
def test_a_broken_recipe_names_file_and_key(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        recipes.compose(str(path))
    assert line in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_set_reaches_any_table_and_keeps_types() -> None:
    recipe = recipes.compose(sets=["stitch.fto.median_s=0.1", "stitch.timing=brisk", "pack.audio=false", "dialogs=7"])
    assert recipe.stitch == {"fto": {"median_s": 0.1}, "timing": "brisk"}
    assert recipe.pack == {"audio": False}
    assert recipe.dialogs == 7


def test_domains_of_several_kinds_make_an_entry_a_kind() -> None:
    mix = recipes.compose(domain_names=["bank", "qa", "restaurant"]).mix
    assert [(str(e.kind), e.domains, e.share) for e in mix] == [
        ("service", ("bank", "restaurant"), 2.0),
        ("qa", ("qa",), 1.0),
    ]


def test_another_engine_drops_the_options_of_the_one_before() -> None:
    assert recipes.compose(sets=["codec.x=1", "codec.engine=mimi"]).codec.options() == {}


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 3000], ids=["digits", "deep"])
def test_a_value_that_toml_cannot_read_is_a_users_error(text: str) -> None:
    with pytest.raises(UserError, match="max_voices"):
        resolve(recipes.compose("quickstart", sets=[f"plan.max_voices={text}"]))


@pytest.mark.parametrize("name", ["a" * 5000, "a/" + "b" * 5000])
def test_names_that_no_file_can_have_are_a_users_error(name: str) -> None:
    with pytest.raises(UserError, match="--recipe"):
        recipes.compose(name)
    with pytest.raises(UserError, match="--profile"):
        recipes.compose("quickstart", profile=name)


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("stitch.long_silence.length_s=10", "stitch.long_silence.length_s: needs two numbers, like [5, 30], got 10."),
        (
            "stitch.long_silence.length_s=[10]",
            "stitch.long_silence.length_s: needs two numbers, like [5, 30], got [10].",
        ),
        ("stitch.lead_s=[0.1,0.2,0.3]", "stitch.lead_s: needs two numbers, like [0.2, 1], got [0.1, 0.2, 0.3]."),
        ("stitch.lead_s=['a','b']", "stitch.lead_s: needs two numbers, like [0.2, 1], got 'a'."),
        ("scene.noise.snr_db=10", "scene.noise.snr_db: needs two numbers, like [10, 30], got 10."),
        ("stitch.agent_latency_s=fast", "stitch.agent_latency_s: needs two numbers, like [0.1, 0.5], got 'fast'."),
        ("scene.sounds.names=dog_bark", 'scene.sounds.names: needs a list, like ["a", "b"], got \'dog_bark\'.'),
        (
            "scene.noise=0.2",
            "scene.noise: needs a table, with keys such as share (steady noise of the place), got 0.2.",
        ),
        ("stitch=1", "stitch: needs a table, with keys of its own, got 1."),
        ("stitch.fto.overlap_share=80%", "stitch.fto.overlap_share: needs a number (as a share, 0.8), got '80%'."),
        ("stitch.overlap_share=0.8", "stitch.overlap_share: there is no such key. Did you mean fto.overlap_share?"),
        ("scene.noise_share=0.8", "scene.noise_share: there is no such key. Did you mean noise.share?"),
        (
            "run.keep_work=maybe",
            "run.keep_work: needs another value (keep intermediate artefacts once they are used: true |",
        ),
    ],
)
def test_a_wrong_value_is_told_what_to_write_instead(assignment: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(recipes.compose(sets=[assignment]))
    assert line in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "stitch.side_talk.share", "scene.noise.share", "stitch.gate.max_ks_fto", "stitch.backchannel.min_words", "seed",
        "stitch.agent_latency_s", "splits.train", "run.shard_dialogs", "stitch.fto.median_s",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["true", "false"])
def test_a_truth_is_no_number(key: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{key}: needs a number, got {value}"):
        resolve(recipes.compose(sets=[f"{key}={value}"]))


def test_truths_are_numbers_in_no_list_and_no_table_either() -> None:
    for assignment in ("stitch.lead_s=[false,true]", "scene.sounds.weights={dog_bark=true}"):
        with pytest.raises(UserError, match="needs a number, got"):
            resolve(recipes.compose(sets=[assignment]))
    assert recipes.compose(sets=["run.keep_work=true"]).run.keep_work is True


def test_folders_of_sounds_are_beside_the_recipe_or_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes" / "near").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    path = tmp_path / "recipes" / "mine.toml"
    path.write_text('[scene]\nsounds = ["near", "here", "nowhere", ""]\n')
    monkeypatch.chdir(tmp_path)
    beside = str(path.parent / "near")
    assert recipes.compose(str(path)).scene["sounds"]["folders"] == [beside, "here", "nowhere", ""]
    own = recipes.compose(str(path), sets=['scene.sounds=["here"]'])
    assert own.scene["sounds"]["folders"] == ["here"]


def test_a_kind_that_is_no_text_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('name = "r"\n[[mix]]\nkind = ["qa"]\n')
    with pytest.raises(UserError, match="kind"):
        recipes.compose(str(tmp_path / "r.toml"))
