"""The writer `openai`: any OpenAI-compatible chat servers that are there already."""

from typing import ClassVar

from datagen.config import Options
from datagen.engines.writers.llm.options import WriterOptions
from datagen.engines.writers.llm.writer import LanguageModelWriter


class OpenaiWriter(LanguageModelWriter):
    """Dialogues from the servers of `urls`, which has to name one."""

    name: ClassVar[str] = "openai"
    Options: ClassVar[type[Options]] = WriterOptions
