"""Checking a build: every checksum, schema and invariant of an output folder."""

from datagen.check.corpus import check_build
from datagen.check.problem import Problem

__all__ = ["Problem", "check_build"]
