# syntax=docker/dockerfile:1
# costd in a container: locked by hash, byte-compiled, not root, its data in one volume.
# Build:  docker build -t costd .
# Look:   docker run --rm -v costd-data:/var/lib/costd costd demo
# Serve:  deploy/kubernetes, or any costd.yaml with `http: {host: 0.0.0.0, auth: token}` and `run`

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/costd && python -m venv /opt/build
COPY requirements/build.txt requirements/extras.txt requirements/
RUN /opt/build/bin/pip install --require-hashes --no-deps -r requirements/build.txt \
 && /opt/costd/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements/extras.txt
COPY . .
# hatchling by itself, so that nothing unlocked is fetched to build the wheel.
RUN /opt/build/bin/hatchling build -t wheel -d /tmp/wheel \
 && /opt/costd/bin/pip install --no-deps --no-index /tmp/wheel/*.whl \
 && /opt/costd/bin/python -m pip uninstall -q -y pip \
 && /opt/costd/bin/python -m compileall -q /opt/costd/lib

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="costd" \
      org.opencontainers.image.description="Says who spends what on clouds, clusters, GPUs and models, and switches waste off with approval." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /var/lib/costd --create-home --shell /usr/sbin/nologin costd
COPY --from=build /opt/costd /opt/costd
COPY --from=build /src/LICENSE /usr/share/doc/costd/LICENSE
# Byte code came with the copy; at run time nothing outside the volume is written.
ENV PATH=/opt/costd/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/costd
VOLUME /var/lib/costd
# No HEALTHCHECK: most commands end by themselves, and whoever runs `costd run` asks /healthz.
ENTRYPOINT ["costd"]
CMD ["--help"]
