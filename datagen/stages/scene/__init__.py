"""scene: the user's channel as a microphone and a line hear it (`unit.apply`). The agent's channel is never touched."""
