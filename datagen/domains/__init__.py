"""Domains: folders of facts and phrasings, loaded and drawn from."""

from datagen.domains.loader import available, load, load_folder

__all__ = ["available", "load", "load_folder"]
