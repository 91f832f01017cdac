"""Shards over a Ray cluster: models live in actors, and the driver hands them one group of a shard at a time."""
