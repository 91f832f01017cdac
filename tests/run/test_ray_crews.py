"""Where the actors of a Ray build are placed and what they do next: no cluster needed."""

import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

import pytest

from datagen import recipes
from datagen.config import Placement, RayOptions, read_options
from datagen.errors import UserError
from datagen.records.enums import Split
from datagen.run.job import GROUPS, Job
from datagen.run.ray.calls import Call, Calls
from datagen.run.ray.crews import Cluster, Crew, Node, check_room, crews_of, place
from datagen.stages.plan.shards import Shard
from tests.conftest import inside


def node(name: str, **offers: float) -> Node:
    """A node with nothing on it; Ray's own resources are on every one."""
    total = {"memory": 1e9, f"node:{name}": 1.0, **offers}
    return Node(name, name, total, dict(total))


def options(**groups: Mapping[str, object]) -> RayOptions:
    return read_options(RayOptions, groups, "run.ray")


LABELLED = options(
    write={"resource": "llm", "gpus": 1}, speech={"resource": "speech", "gpus": 0.5}, render={"resource": "codec"}
)


def places(ray: RayOptions, *nodes: Node, shards: int = 100) -> dict[str, list[str]]:
    """The nodes of each crew's actors, by its groups."""
    crews = crews_of(ray, shards, waits=False)
    found: dict[str, list[str]] = {" ".join(c.groups): [] for c in crews}
    for crew, where in place(crews, {}, Cluster(list(nodes))):
        found[" ".join(crew.groups)].append(where.name)
    return found


def test_groups_that_are_placed_alike_share_their_actors() -> None:
    assert places(RayOptions(), node("a", CPU=3), node("b", CPU=1)) == {"write speech render": ["a", "b", "a", "a"]}
    ray = options(speech={"gpus": 1})
    assert [c.groups for c in crews_of(ray, 9, waits=False)] == [("write", "render"), ("speech",)]


def test_each_group_goes_to_the_hardware_that_it_names_all_of_it_and_no_more() -> None:
    found = places(
        LABELLED, node("llm", CPU=8, GPU=2, llm=1), node("tts", CPU=8, GPU=2, speech=99), node("cpu", CPU=3, codec=2)
    )
    assert found == {"write": ["llm"], "speech": ["tts"] * 4, "render": ["cpu"] * 2}


def test_a_gpu_is_shared_by_as_many_as_its_fraction_allows() -> None:
    ray = options(speech={"gpus": 0.25, "actors": 3}, render={"gpus": 0.5, "cpus": 0})
    assert places(ray, node("a", CPU=2, GPU=1)) == {"write": ["a"], "speech": ["a"], "render": ["a"]}
    assert len(places(ray, node("a", CPU=9, GPU=4))["speech"]) == 3


def test_no_group_takes_the_room_that_another_needs() -> None:
    """Greedily by group, the writers would hold every processor, and nobody would speak."""
    found = places(options(speech={"cpus": 2}), node("a", CPU=4), node("b", CPU=4))
    assert len(found["speech"]) >= 2
    assert len(found["write render"]) >= 2
    assert 2 * len(found["speech"]) + len(found["write render"]) == 8


def test_what_needs_no_gpu_leaves_the_nodes_with_gpus_free_as_long_as_it_can() -> None:
    found = places(options(speech={"gpus": 1}), node("gpu", CPU=2, GPU=2), node("cpu", CPU=4))
    assert found == {"write render": ["cpu"] * 4, "speech": ["gpu"] * 2}


def test_actors_that_are_there_count() -> None:
    crews = crews_of(options(speech={"cpus": 2}), 100, waits=False)
    free = node("a", CPU=2)
    placed = place(crews, {crews[0]: 3, crews[1]: 1}, Cluster([free]))
    assert [crew.groups for crew, _ in placed] == [("speech",)]
    assert free.free["CPU"] == 0


def test_no_more_actors_than_shards() -> None:
    assert len(places(RayOptions(), node("a", CPU=64), shards=3)["write speech render"]) == 3


def test_a_writer_that_waits_for_servers_has_one_actor_of_its_own() -> None:
    first, rest = crews_of(RayOptions(), 50, waits=True)
    assert (first.groups, first.most, first.writes) == (("write",), 1, True)
    assert (rest.groups, rest.most, rest.writes) == (("speech", "render"), 50, False)


@pytest.mark.parametrize(
    ("nodes", "line"),
    [
        ([node("a", CPU=8, GPU=8)], "run.ray.write.resource: none of the cluster's 1 node offers 'llm'"),
        ([node("a", CPU=8, llm=1), node("b", CPU=8, GPU=1)], "no one node has all of what write (1 CPU, 1 GPU, 1 llm"),
        (
            [node("a", CPU=8, GPU=1, llm=1, speech=1, codec=1)],
            "no room for all groups at once: none is left for speech",
        ),
        ([node("a", CPU=8, llm=1)], "run.ray.write.gpus: an actor holds 1, and no node has more than 0 (of 1 node)"),
    ],
)
def test_what_a_cluster_lacks_is_one_line_with_the_numbers(nodes: list[Node], line: str) -> None:
    with pytest.raises(UserError) as error:
        check_room(crews_of(LABELLED, 10, waits=False), Cluster(nodes))
    assert line in str(error.value)


def test_a_fraction_of_several_gpus_is_refused() -> None:
    with pytest.raises(UserError, match=r"run.ray.speech: .*gpus = 1.5"):
        options(speech={"gpus": 1.5})


def calls(ray: RayOptions, n: int) -> tuple[Calls, list[Crew]]:
    crews = crews_of(ray, n, waits=False)
    waiting = Calls(crews, n, ray.ahead)
    for number in range(n):
        waiting.add(call(number, "write"))
    return waiting, crews


def call(number: int, group: str) -> Call:
    return Call(Job("{}", "", Shard(Split.TRAIN, number, (number,)), False), group, Future())


def test_a_group_rests_while_enough_shards_wait_for_the_next_one() -> None:
    waiting, (writers, others) = calls(options(ahead=2, write={"cpus": 2}), 20)
    taken = 0
    while (found := waiting.next(writers, "", lambda _: 3)) is not None:
        waiting.add(call(found.job.shard.number, "speech"))
        taken += 1
    assert taken == 6  # two for each of the three that speak
    assert waiting.next(others, "", lambda _: 3) is not None
    assert waiting.next(writers, "", lambda _: 3) is not None
    assert waiting.next(writers, "", lambda _: 0) is None


def test_shards_end_before_others_begin_each_with_the_actor_that_has_it() -> None:
    waiting, (crew,) = calls(RayOptions(), 3)
    for number, group in ((7, "speech"), (8, "speech"), (9, "render")):
        waiting.add(call(number, group))
    order = [waiting.next(crew, "train-00008", lambda _: 1) for _ in range(6)]
    assert [(c.job.shard.number, c.group) for c in order if c] == [
        (9, "render"), (8, "speech"), (7, "speech"), (0, "write"), (1, "write"), (2, "write"),
    ]  # fmt: skip


def test_a_crew_is_wanted_until_its_last_group_is_done() -> None:
    waiting, (writers, others) = calls(options(write={"cpus": 2}), 1)
    assert waiting.next(writers, "", lambda _: 1) is not None
    assert (waiting.wanted(writers), waiting.waits(writers)) == (True, False)
    waiting.done("write")
    assert not waiting.wanted(writers)
    assert waiting.wanted(others)
    assert GROUPS[1] in others.groups


def test_without_ray_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = inside(
        "build", "--domains", "bank", "--dialogs", "2", "--runner", "ray", "--out", tmp_path / "out", "--quiet"
    )
    assert ran.code == 1
    assert ran.err == "datagen: --runner ray: Ray is not installed. pip install 'datagen[ray]'.\n"


def test_a_dry_run_says_so_beside_what_else_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    wrong = ("--runner", "ray", "--set", "stitch.timing=nobody", "--out", tmp_path / "out")
    ran = inside("build", "--domains", "bank", "--dialogs", "2", *wrong, "--dry-run")
    assert ran.code == 1
    assert "Ray is not installed" in ran.err
    assert "nobody" in ran.err


def test_the_gpu_profile_gives_each_model_a_gpu_and_the_codec_a_part_of_one() -> None:
    ray = recipes.compose("quickstart", "gpu", ["bank"]).run.ray
    writers, speakers, renderers = crews_of(ray, 500, waits=True)
    nodes = [node("a", CPU=64, GPU=4), node("b", CPU=64, GPU=4)]
    counts = Counter(crew.groups for crew, _ in place([writers, speakers, renderers], {}, Cluster(nodes)))
    assert counts == {("write",): 1, ("speech",): 5, ("render",): 8}
    assert all(n.free["GPU"] == 0 for n in nodes)


def test_workers_are_of_this_machine(tmp_path: Path) -> None:
    ran = inside("build", "--domains", "bank", "--dialogs", "2", "--runner", "ray", "--workers", "2", "--out", tmp_path)
    assert ran.code == 1
    assert "run.ray.speech.actors" in ran.err


def test_placements_name_resources_alone() -> None:
    with pytest.raises(UserError, match="resource"):
        read_options(Placement, {"resource": "a b"}, "run.ray.write")
