"""stitch: when everything is said. Spoken turns in, a time line and two clean channels out (`unit.stitch`)."""
