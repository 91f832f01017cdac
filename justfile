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
    {{bin}}/pytest -n 0 tests/run/test_golden.py --snapshot-update

# generated pages anew
docs:
    {{bin}}/python -m datagen.stages.pack.columns

# the small text tokenizer for trying, after prompts have changed
tokenizer:
    {{bin}}/python -m datagen.load.train_tokenizer

# the tables of README's "How fast"
bench:
    {{bin}}/datagen bench build
    {{bin}}/datagen bench plan
    {{bin}}/datagen bench codec
    {{bin}}/datagen bench load data/quickstart
