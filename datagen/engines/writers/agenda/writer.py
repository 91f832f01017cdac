"""The embedded writer: dispatches a plan to the writer of its kind."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from datagen.config import Options
from datagen.domains import load
from datagen.domains.service import ServiceDomain
from datagen.engines.writers.agenda.options import AgendaOptions
from datagen.engines.writers.agenda.service import write_service
from datagen.protocols import Failure, WriteRequest
from datagen.records.enums import Kind
from datagen.records.maker import Maker
from datagen.records.transcript import Transcript
from datagen.store.ids import digest

REVISION = "3"
"""Raised whenever the same plan gives another text."""


class AgendaWriter:
    """An agenda-based user simulator against a service agent; qa and casual plans go to their own writers."""

    kind: ClassVar[str] = "writer"
    name: ClassVar[str] = "agenda"
    Options: ClassVar[type[Options]] = AgendaOptions

    def __init__(self, options: AgendaOptions) -> None:
        self.options = options
        self._maker = Maker(
            "agenda", "agenda", REVISION, "Apache-2.0", digest(options.output_options()), deterministic=True
        )

    @property
    def maker(self) -> Maker:
        return self._maker

    def write(self, requests: Sequence[WriteRequest]) -> list[Transcript | Failure]:
        """A transcript a plan, or why there is none."""
        return [self._write(r) for r in requests]

    def _write(self, request: WriteRequest) -> Transcript | Failure:
        domain: Any = load(request.plan.domain, self.options.domain_folders)
        if request.plan.kind not in domain.kinds:
            return Failure(
                "wrong_kind", f"{request.plan.domain} is a {domain.kind} domain, the plan says {request.plan.kind}."
            )
        if request.plan.kind in (Kind.SERVICE, Kind.TOOL):
            return write_service(cast(ServiceDomain, domain), request, self.options, self._maker)
        if request.plan.kind is Kind.QA:
            from datagen.engines.writers.agenda.qa import write_qa

            return write_qa(domain, request, self.options, self._maker)
        if request.plan.kind is Kind.INSTRUCTION:
            from datagen.engines.writers.agenda.instruction import write_instruction

            return write_instruction(domain, request, self.options, self._maker)
        if request.plan.kind is Kind.PROBE:
            from datagen.engines.writers.agenda.probe import write_probe

            return write_probe(domain, request, self._maker)
        from datagen.engines.writers.agenda.casual import write_casual

        return write_casual(domain, request, self.options, self._maker)
