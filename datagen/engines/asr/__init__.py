"""Recognisers: what is heard in speech, for the round trip of the speech gates."""
