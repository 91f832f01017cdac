"""Runs a script of Chatterbox's environment with the layers of tiny_checkpoint: what stands as `python` in a test's environment.

REAL_PYTHON shrunk.py FLAGS… SCRIPT ARGUMENTS…
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import tiny_s3gen
    import tiny_t3
    import torch

    torch.set_num_threads(1)
    tiny_t3.shrink()
    tiny_s3gen.shrink()
    script = next(n for n, argument in enumerate(sys.argv[1:], 1) if not argument.startswith("-"))
    sys.argv[:] = sys.argv[script:]
    runpy.run_path(sys.argv[0], run_name="__main__")
