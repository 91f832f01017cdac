"""Weights for the engines that need some: full-size Mimi with random ones, made once a session and thrown away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import random_mimi

from datagen.engines import registry
from datagen.engines.codecs.mimi_weights import VARIABLE


@pytest.fixture(scope="session")
def mimi_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight random books."""
    if reason := registry.obstacle(registry.entry("codec", "mimi")):
        pytest.skip(reason)
    pytest.importorskip("safetensors", reason="random weights cannot be written")
    return random_mimi.write(tmp_path_factory.mktemp("mimi") / "mimi.safetensors", books=8)


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """Two threads in one operation sum in another order, and are slower besides while other tests run."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def weights_for_default_options(request: pytest.FixtureRequest) -> Iterator[None]:
    """For the contract, which makes every engine from its default options: the weights where those look, if they can be made."""
    if request.module.__name__ != "test_contracts":
        yield
        return
    try:
        path = request.getfixturevalue("mimi_file")
    except pytest.skip.Exception as reason:
        if not registry.obstacle(registry.entry("codec", "mimi")):  # else the contract skips that engine alone
            pytest.fail(f"the contract of codec mimi needs weights, and {reason}")
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(path))
        yield
