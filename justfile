# What a developer runs by hand; .ci/run is what has to be green.
bin := ".venv/bin"

# quick tests
test *args:
    {{bin}}/pytest {{args}}

# the slow ones, as CI runs them
slow:
    {{bin}}/pytest -m slow --timeout 600

# linters, types, import rules
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/mypy
    {{bin}}/lint-imports

fix:
    {{bin}}/ruff check --fix .
    {{bin}}/ruff format .

# golden files anew, after a change that was meant to change them
golden:
    {{bin}}/pytest tests/run/test_golden.py --snapshot-update

# generated pages anew
docs:
    {{bin}}/python -m datagen.stages.pack.columns

# the tables of README's "How fast"
bench:
    {{bin}}/datagen bench build
    {{bin}}/datagen bench plan
