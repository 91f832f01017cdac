"""Registers the scripted engines in every process that has this folder in PYTHONPATH: a build's workers too."""

from datagen.engines import registry

registry.ENTRIES += (
    registry.Entry("writer", "scripted", "scripted_engines:ScriptedWriter", "for tests"),
    registry.Entry("judge", "scripted", "scripted_engines:ScriptedJudge", "for tests"),
)
