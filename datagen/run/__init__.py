"""Carrying a build out: shards through the stages, in workers, with a ledger, rejects, retries and a rate alarm."""
