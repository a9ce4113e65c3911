# The service: API, pages, clockwork; and a Dask scheduler or worker for trainings. Build: docker build -t nextclose .
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/uv.txt requirements/cluster.txt /tmp/
RUN pip install --require-hashes -r /tmp/uv.txt \
    && uv venv /opt/venv \
    && uv pip sync --python /opt/venv/bin/python --require-hashes --compile-bytecode --no-cache /tmp/cluster.txt
# In place: templates, static files and migrations stand beside the package.
WORKDIR /srv/nextclose
COPY pyproject.toml README.md ./
COPY app app
RUN uv pip install --python /opt/venv/bin/python --no-deps --no-build-isolation --no-cache --editable . \
    && /opt/venv/bin/python -m compileall -q app

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 OPENBLAS_NUM_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true \
    NEXTCLOSE_HOME=/data NEXTCLOSE_MODELS_DIR=/data/trained_models
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home nextclose
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/nextclose
COPY pyproject.toml ./
COPY --from=build /srv/nextclose/app app
COPY templates templates
COPY static static
COPY migrations migrations
USER nextclose
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["nextclose", "serve", "--host", "0.0.0.0", "--port", "8000"]
