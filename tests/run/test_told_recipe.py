"""The recipe in build.json: what dialogues depend on, and nothing of the machine that made them."""

import json
from pathlib import Path

from datagen import recipes
from datagen.build import resolve
from datagen.run import publish


def test_servers_and_places_stay_out_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "Tiny-Qwen3"
    folder.mkdir()
    (tmp_path / "bench.txt").write_text("Can you immediately enroll me in the Premium Plan?\n")
    sets = [
        "writer.engine=vllm", f"writer.model={folder}", "writer.tensor_parallel_size=4", "writer.max_concurrency=64",
        "writer.temperature=0.5", "writer.keep_replies=true", "judge.engine=openai", "judge.model=big", "judge.timeout_s=9",
        'judge.urls=["http://gpu7:8000/v1"]', f"write.decontamination.files=['{tmp_path / 'bench.txt'}']",
        "write.decontamination.run_words=8", "run.stall_s=60", "run.ray.address=gpu7:6379", "run.shard_dialogs=5",
    ]  # fmt: skip
    told = publish._told(resolve(recipes.compose("quickstart", "local", ["bank"], 5, None, 5, sets)))
    assert told["writer"] == {"engine": "vllm", "model": "Tiny-Qwen3", "temperature": 0.5}
    assert told["judge"] == {"engine": "openai", "model": "big"}
    assert told["write"] == {"decontamination": {"run_words": 8}}
    assert told["run"] == {"shard_dialogs": 5, "attempts": 3}
    assert str(tmp_path) not in json.dumps(told)
