"""How a language-model server is reached: addresses, key, limits. Nothing of it changes what is written."""

import re

from pydantic import field_validator

from datagen.config import Options, knob

_OTHERS = re.compile(
    r"(AWS|AZURE|GCP|GOOGLE|GITHUB|GH|GITLAB|PREFECT|SSH|DOCKER|KUBE|NPM|PYPI|TWINE|VAULT|PG|MYSQL)_|.*(PASSWORD|PASSPHRASE|DATABASE|CONNECTION)"
)
"""Variables that hold what a server of models has no business with; but what is called an API key may be one."""


class ServerOptions(Options):
    """Knobs of the client of OpenAI-compatible chat servers; part of a writer's or a judge's own options."""

    urls: tuple[str, ...] = knob(
        (), "servers that answer chat completions, e.g. http://gpu1:8000/v1 (with or without /v1)", changes_output=False
    )
    api_key_env: str = knob(
        "",
        "name of the environment variable that holds the API key; empty: no key is sent",
        changes_output=False,
    )
    start_concurrency: int = knob(
        32,
        "requests that a server gets at a time before anything is known of it",
        "requests",
        ge=1,
        changes_output=False,
    )
    max_concurrency: int = knob(
        1024, "most requests under way at one server", "requests", ge=1, le=65_536, changes_output=False
    )
    connect_timeout_s: float = knob(10.0, "longest wait for a connection", "s", gt=0, changes_output=False)
    timeout_s: float = knob(600.0, "longest wait for a whole reply", "s", gt=0, changes_output=False)
    idle_timeout_s: float = knob(
        30.0, "longest pause within a reply that has begun to arrive", "s", gt=0, changes_output=False
    )
    tries: int = knob(
        6, "how often a request is sent before its row is given up", "tries", ge=1, le=100, changes_output=False
    )
    give_up_s: float = knob(
        300.0, "how long no server may answer anything before the build stops", "s", gt=0, changes_output=False
    )
    max_reply_bytes: int = knob(
        8_388_608, "longest body of a reply; a longer one is not read", "bytes", ge=1024, changes_output=False
    )

    @field_validator("api_key_env")
    @classmethod
    def _a_variable(cls, name: str) -> str:
        """ValueError unless it can be a variable that holds a key. What it says does not hold the name, which may be the key itself."""
        if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(
                "has to be the name of an environment variable, such as MY_API_KEY, and not the key itself."
            )
        if _OTHERS.match(name.upper()) and not name.upper().endswith("API_KEY"):
            raise ValueError(
                f"{name} is of something else, and a recipe may send it anywhere. export MY_API_KEY=… and name that."
            )
        return name
