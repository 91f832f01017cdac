"""How alike two clips' speakers are: one file an engine."""
