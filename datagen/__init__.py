"""Training data for full-duplex speech models: plan, write, speak, align, stitch, scene, encode, pack."""

__version__ = "0.1.0"
