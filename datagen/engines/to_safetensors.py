"""`python -m datagen.engines.to_safetensors FOLDER`: a model's pytorch_model.bin as model.safetensors, beside it.

Engines read safetensors alone. Some models of a hub have a pickle alone; this is the one place that opens one, when a person asks
for it, with torch's restricted unpickler, which knows tensors and containers and refuses whatever else a pickle would call.
"""

import sys
from pathlib import Path
from typing import Any

from datagen.engines.speech_models import WEIGHTS
from datagen.errors import DatagenError, UserError, one_line
from datagen.store.files import atomic

PICKLED = "pytorch_model.bin"


def convert(folder: Path) -> Path:
    """FOLDER/model.safetensors, written; UserError where there is no pickle, or it holds something else than tensors by name."""
    source, target = folder / PICKLED, folder / WEIGHTS
    if not source.is_file():
        raise UserError(f"{folder}: has no {PICKLED}. Name the folder of a model.")
    import torch
    from safetensors.torch import save_file

    try:
        found: Any = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no type of its own for what it refuses
        raise UserError(
            f"{source}: is not read: more than tensors, or damaged ({one_line(error)[:160]}). Get the model as safetensors."
        ) from None
    if not isinstance(found, dict) or not all(isinstance(t, torch.Tensor) for t in found.values()):
        raise UserError(f"{source}: holds something else than tensors by name. Get the model as safetensors.")
    with atomic(target) as beside:
        # Copies: tensors that share memory cannot be told apart in a safetensors file.
        save_file({str(k): t.clone().contiguous() for k, t in found.items()}, beside, metadata={"format": "pt"})
    return target


def main(arguments: list[str]) -> int:
    """The command; its exit code."""
    try:
        if len(arguments) != 1:
            raise UserError("python -m datagen.engines.to_safetensors FOLDER: name one folder of a model.")
        sys.stdout.write(f"{convert(Path(arguments[0]))}\n")
    except DatagenError as error:
        sys.stderr.write(f"datagen: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
