# Freeze Lab with its embedded checkpoint and data; it needs no network.
#   docker build -t freeze-lab . && docker run --rm -p 8501:8501 -v freeze-lab:/data freeze-lab
# PyPI's torch contains CUDA; `--build-arg PIP_EXTRA_INDEX_URL=…` names an index with the CPU build.
# A tag can be moved; `--build-arg BASE=python@sha256:…` pins the base image (docs/settings.md).
# The root file system may be read-only: only the volume /data and /tmp are written.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /opt/freeze-lab \
 && /opt/freeze-lab/bin/pip install --no-cache-dir pip==26.1.2 \
 && /opt/freeze-lab/bin/pip install --no-cache-dir -r requirements.txt -c constraints.txt

FROM ${BASE}
ENV PATH=/opt/freeze-lab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    HOME=/data \
    FREEZE_LAB_HOME=/data
COPY --from=build /opt/freeze-lab /opt/freeze-lab
WORKDIR /app
COPY app.py LICENSE ./
COPY .streamlit .streamlit
COPY static static
COPY pages pages
COPY mtl_core mtl_core
RUN python -m compileall -q mtl_core pages app.py \
 && install -d -o 10001 -g 10001 -m 0700 /data
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Listens on all addresses of the container, so that the published port works.
CMD ["python", "-m", "mtl_core", "serve", "--address", "0.0.0.0", "--port", "8501"]
