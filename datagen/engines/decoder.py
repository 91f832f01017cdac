"""The codec that a build's tokens were made with, to hear them again."""

from typing import cast

from datagen.engines import registry
from datagen.errors import DataError
from datagen.protocols import Codec
from datagen.records.build import BuildSummary


def decoder(where: str, summary: BuildSummary) -> Codec:
    """The codec of a build, made here; DataError where the one here has other tables. `where` names the build.

    What of a revision stands before its last + is what ran them: decoding depends on that in the last bits alone.
    """
    made, told = summary.engines.get("codec"), summary.recipe.get("codec")
    if made is None or not isinstance(told, dict) or not isinstance(told.get("engine"), str):
        raise DataError(f"{where}: build.json does not say which codec made the tokens. Build it again.")
    chosen = dict(told)
    name = chosen.pop("engine")
    codec = cast(Codec, registry.make("codec", name, registry.options_of("codec", name, chosen)))
    if codec.maker.revision.rpartition("+")[2] != made.revision.rpartition("+")[2]:
        raise DataError(
            f"{where}: its tokens were made by {name} revision {made.revision}, and this is {codec.maker.revision}. Build it again."
        )
    return codec
