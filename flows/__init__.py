"""Prefect flows. Prefect's analytics are off in our own runs, unless the environment says otherwise."""

import os

from datagen.run.prefect_child import UNTRACKED

for _name, _value in UNTRACKED.items():
    os.environ.setdefault(_name, _value)
