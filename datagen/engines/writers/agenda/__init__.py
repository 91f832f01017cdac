"""The agenda writer: no model, no network, the same words for the same plan."""

from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.writer import AgendaWriter

__all__ = ["AgendaOptions", "AgendaWriter"]
