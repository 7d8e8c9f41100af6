# syntax=docker/dockerfile:1
# Two images: `app` (gateway, generation, workers; light) and `search` (with the embedding model).
# The base is pinned by tag; pin it by digest where you mirror it: --build-arg PYTHON=…@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

# What is installed, and only that: the sources come last, so that a change to them installs nothing.
FROM ${PYTHON} AS builder
ARG EXTRAS=postgres,workers,generation
# Where pip looks besides its default: a mirror, or an index with CPU builds of torch.
ARG PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
COPY pyproject.toml constraints.txt README.md ./
RUN python -m pip --python /opt/venv/bin/python install --constraint constraints.txt ".[${EXTRAS}]"
COPY . .
RUN python -m pip --python /opt/venv/bin/python install --no-deps --editable . \
    && /opt/venv/bin/python -m compileall -q /app /opt/venv/lib \
    && chmod -R a+rX /app

# torch is here and in no image that runs: it writes the ONNX file of the embedding model, once.
FROM builder AS model
ARG PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
RUN python -m pip --python /opt/venv/bin/python install --constraint constraints.txt \
        --editable ".[export]" \
    && HF_HUB_OFFLINE=1 /opt/venv/bin/undercroft models prepare --data /exported

FROM ${PYTHON} AS runtime
RUN python -m pip uninstall --yes --quiet pip setuptools wheel \
    && groupadd --gid 10001 undercroft \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin undercroft \
    && install -d -o undercroft -g undercroft -m 0700 /data/objects /data/search /data/generation /audit
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
WORKDIR /app
STOPSIGNAL SIGTERM
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]

FROM runtime AS app
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
USER 10001:10001
CMD ["python", "-m", "gateway"]

FROM runtime AS search
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
COPY --from=model /exported/models /models
ENV SEARCH_EXPORTED_MODELS=/models
USER 10001:10001
CMD ["python", "-m", "services.search"]
