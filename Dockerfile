# The main environment: datagen, its flows and Prefect. `docker build -t datagen:0.1.0 .`
# Engines with environments of their own (vllm, chatterbox) run beside it: as servers, or in an image made from this one.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY datagen ./datagen
COPY flows ./flows
COPY prompts ./prompts
COPY voices ./voices
COPY manifests ./manifests
RUN python -m venv /opt/datagen && /opt/datagen/bin/pip install --no-cache-dir ".[mimi]"

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home datagen && install --directory --owner=datagen /data
COPY --from=build /opt/datagen /opt/datagen
ENV PATH=/opt/datagen/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
USER 10001
WORKDIR /data
CMD ["datagen", "--help"]
