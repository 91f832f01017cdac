"""prefect.yaml, the pools' templates and the image agree with the code: read as Prefect, a worker and a linter read them."""

import json
import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml

import datagen
from datagen import recipes
from tests.flows.served import ROOT

prefect = pytest.importorskip("prefect")
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
BY_NAME = {d["name"]: d for d in DEPLOYMENTS}
POOLS = ("process", "docker", "kubernetes")


def flow_of(deployment: dict[str, Any]) -> Any:
    return prefect.flows.load_flow_from_entrypoint(deployment["entrypoint"])


def template(pool: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "flows" / "pools" / f"{pool}.json").read_text())
    return found


def test_the_named_deployments_are_there() -> None:
    assert set(BY_NAME) == {"nightly", "weekly", "evaluation", "on-published"}
    assert BY_NAME["nightly"]["parameters"]["add_hours"] == 5
    assert BY_NAME["evaluation"]["parameters"]["recipe"] == "service-duplex-bench"
    assert all(d["enforce_parameter_schema"] for d in DEPLOYMENTS)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_deployments_parameters_are_the_flows(name: str) -> None:
    flow, given = flow_of(BY_NAME[name]), BY_NAME[name]["parameters"]
    triggered = [t["parameters"] for t in BY_NAME[name].get("triggers", [])]
    for parameters in triggered or [{}]:
        flow.validate_parameters({**given, **parameters})
    if flow.name == "datagen":
        assert given["out"].startswith("/data/")
        recipes.compose(given["recipe"], given.get("profile", "local"))


@pytest.mark.parametrize("name", [n for n, d in BY_NAME.items() if "schedules" in d])
def test_schedules_are_cron(name: str) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    for schedule in BY_NAME[name]["schedules"]:
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


@pytest.mark.parametrize("entrypoint", ["flows.build.datagen", "flows.published.on_published"])
def test_every_field_of_the_form_has_help(entrypoint: str) -> None:
    schema = flow_of({"entrypoint": entrypoint}).parameters.model_dump()
    definitions = schema.get("definitions", {})
    for name, field in schema["properties"].items():
        model = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
        assert field.get("description") or model.get("description"), name
    for model in definitions.values():
        assert all(field.get("description") for field in model["properties"].values()), model["title"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dialogs": 0}, {"hours": -1}, {"domains": "bank"}, {"settings": ["no assignment"]}, {"busy": {"then": "x"}},
        {"tries": {"n": 0}}, {"limits": {"llms": 1}}, {"workers": "many"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(wrong: dict[str, Any]) -> None:
    from prefect.exceptions import ParameterTypeError, SignatureMismatchError

    flow = flow_of(BY_NAME["nightly"])
    with pytest.raises((ParameterTypeError, SignatureMismatchError, ValueError)):
        flow.validate_parameters(wrong)
        prefect.utilities.callables.parameters_to_args_kwargs(flow.fn, wrong)  # what refuses unknown ones


def test_the_trigger_waits_for_the_event_that_the_flow_emits() -> None:
    from flows import shown

    (trigger,) = BY_NAME["on-published"]["triggers"]
    assert trigger["expect"] == [shown.PUBLISHED]
    assert trigger["match"] == {"prefect.resource.id": "datagen.corpus.*"}
    assert set(trigger["parameters"]) == {"out", "version"}


@pytest.mark.parametrize("pool", POOLS)
def test_a_template_is_what_the_pools_worker_reads(pool: str) -> None:
    """Held against the template of the worker itself, which Prefect carries for all of its own types."""
    text = files("prefect.server.api.collections_data").joinpath("views/aggregate-worker-metadata.json").read_text()
    workers = {kind: worker for package in json.loads(text).values() for kind, worker in package.items()}
    known = workers[pool]["default_base_job_configuration"]
    ours, variables = template(pool), template(pool)["variables"]["properties"]
    assert ours["job_configuration"].keys() <= known["job_configuration"].keys()
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(ours["job_configuration"])))
    assert used == variables.keys()
    for name in variables.keys() & known["variables"]["properties"].keys():
        assert variables[name].get("type") == known["variables"]["properties"][name].get("type")
    assert variables["env"]["default"] == {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def test_deployments_use_the_pools_and_their_variables() -> None:
    for deployment in DEPLOYMENTS:
        pool = deployment["work_pool"]["name"].removeprefix("datagen-")
        assert pool in POOLS
        assert (
            deployment["work_pool"].get("job_variables", {}).keys() <= template(pool)["variables"]["properties"].keys()
        )


INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "CMD"}


def dockerfile() -> Iterator[tuple[str, str]]:
    """The instructions with what follows them, lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, " ".join(rest.split())


def test_the_image_keeps_the_linters_rules() -> None:
    """The rules of hadolint that apply to what it uses: numbers are hadolint's."""
    found = list(dockerfile())
    values = lambda word: [rest for w, rest in found if w == word]  # noqa: E731
    assert {word for word, _ in found} <= INSTRUCTIONS  # no ADD (DL3020), MAINTAINER (DL4000), SHELL
    assert found[0][0] == "FROM"
    for image in values("FROM"):
        assert re.fullmatch(r"[a-z]+:\d[\w.-]+( AS \w+)?", image), image  # DL3006, DL3007: a tag that is not latest
    assert all(folder.startswith("/") for folder in values("WORKDIR"))  # DL3000
    for command in values("RUN"):
        assert not re.search(r"\b(sudo|apt|cd|wget|curl)\b|\|", command), command  # DL3004, DL3027, DL3003, DL4006
        assert "pip install" not in command or "--no-cache-dir" in command  # DL3042
    assert values("USER")[-1].isdigit()  # DL3002; Kubernetes' runAsNonRoot needs a number
    assert int(values("USER")[-1]) > 0
    assert all(json.loads(words) for words in (*values("CMD"),))  # DL3025
    assert len(values("CMD")) == 1  # DL4003
    assert not re.search(r"(?i)key|token|password|secret", " ".join(values("ENV") + values("RUN")))


def test_the_image_has_what_the_wheel_is_built_of() -> None:
    import tomllib

    copied = {
        source
        for word, rest in dockerfile()
        if word == "COPY" and "--from" not in rest
        for source in shlex.split(rest)[:-1]
    }
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"}
    assert needed | set(project["project"]["license-files"]) == copied
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == copied
    extras = re.search(r'"\.\[(.*)\]"', (ROOT / "Dockerfile").read_text())
    assert extras
    assert set(extras[1].split(",")) <= project["project"]["optional-dependencies"].keys()


def test_the_images_user_is_the_pods() -> None:
    spec = template("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    user = int([rest for word, rest in dockerfile() if word == "USER"][-1])
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": user, "fsGroup": user}
    assert template("kubernetes")["variables"]["properties"]["image"]["default"] == f"datagen:{datagen.__version__}"
    assert template("docker")["variables"]["properties"]["image"]["default"] == f"datagen:{datagen.__version__}"
