"""Timing fitted from a corpus: its turn times in, an empirical preset for `stitch.timing` out."""
