"""The writer that the build's own event loop asks: one that waits for servers, or one of this process whose dialogues a judge waits for."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from datagen.build import Build
from datagen.errors import DatagenError
from datagen.protocols import DescribeRequest, Failure, RemoteWriter, Writer, WriteRequest
from datagen.records.maker import Maker
from datagen.records.reply import ReplyRecord
from datagen.records.transcript import Transcript


def waits(build: Build) -> bool:
    """Whether writing waits for servers, the writer's or a judge's, and so is driven by the build's own process."""
    return "judge" in build.kinds or hasattr(build.engine("writer"), "write_one")


def remote_writer(build: Build) -> RemoteWriter:
    """The build's writer as one that is asked for a dialogue at a time."""
    writer = build.engine("writer")
    return writer if hasattr(writer, "write_one") else AtHand(writer)


class AtHand:
    """A RemoteWriter (datagen/protocols.py) around one that answers at once."""

    kind: ClassVar[str] = "writer"
    name: ClassVar[str] = "at hand"
    at_once = 64

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    @property
    def maker(self) -> Maker:
        return self._writer.maker

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        return self._writer.write(requests)

    def keep_replies(self, sink: Callable[[ReplyRecord], None]) -> None:
        """There are none."""

    async def write_one(self, request: WriteRequest) -> Transcript | Failure:
        await asyncio.sleep(0)  # the judge's replies come first
        return self.write([request])[0]

    async def describe_one(self, request: DescribeRequest) -> str | Failure:
        return ""

    def preflight(self, requests: Sequence[WriteRequest]) -> list[DatagenError]:
        return []

    async def close(self) -> None:
        """Nothing was opened."""
