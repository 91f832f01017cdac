"""Chatterbox in batches, inside its own environment: standard library, numpy, torch and chatterbox, nothing else.

The worker process puts the folder that holds `datagen` on its path, and none of datagen's dependencies are there. So no
module here imports another part of datagen, and the packages above (`datagen`, `.engines`, `.speakers`, `.chatterbox`)
may run nothing that does: tests/engines/speakers/chatterbox/test_batched_light.py holds them to it.
"""
