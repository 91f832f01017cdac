"""How good a listener would call the sound: one file an engine."""
