"""What engines share that run in an environment of their own: where it is, how it is made, and what ends their processes with ours."""
