"""Chatterbox, batched: the engine in this process (speaker.py), and its model in a worker process with an environment of its own."""
