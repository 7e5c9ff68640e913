# One pattern for every image:
#
#   docker build --build-arg SERVICE=claims --tag claimbus/claims:0.1.0 .
#   docker build --target command --tag claimbus/cli:0.1.0 .
#
# `make images` builds them all. PYTHON names the base; give a digest where a build has to repeat exactly.
ARG PYTHON=python:3.11-slim-bookworm

# Wheels of our own, and an environment with the command's libraries.
FROM ${PYTHON} AS build
# Where packages come from, if not from the public index: --build-arg PIP_INDEX_URL
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/run.txt requirements/services.txt requirements/
RUN python -m venv /opt/claimbus \
    && /opt/claimbus/bin/pip install --quiet --require-hashes --requirement requirements/run.txt
COPY shared shared
COPY services services
COPY engine engine
COPY documents documents
COPY cli cli
RUN /opt/claimbus/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels \
    ./shared ./services/* ./engine ./documents ./cli

FROM build AS all
RUN /opt/claimbus/bin/pip install --quiet --no-deps --no-index /wheels/*.whl \
    && mkdir -p /empty/server /empty/provision /empty/operator \
    && for service in services/*; do mkdir "/empty/${service#services/}"; done

FROM ${PYTHON} AS command
COPY --from=all /opt/claimbus /opt/claimbus
COPY examples /opt/claimbus/examples
# Where the link examples/visits points.
COPY shared/src/claimbus/testing/examples /opt/claimbus/shared/src/claimbus/testing/examples
# A volume that is new takes its owner from where it is mounted first.
COPY --from=all --chown=65532:65532 /empty /keys
COPY --from=all --chown=65532:65532 /empty/server /data
COPY --from=all --chown=65532:65532 /empty/server /data-1
COPY --from=all --chown=65532:65532 /empty/server /data-2
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opt/claimbus
USER 65532:65532
ENTRYPOINT ["/opt/claimbus/bin/claimbus"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="claimbus command" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# What every service stands on; the same layer in all of their images, from release to release.
FROM ${PYTHON} AS libraries
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/services.txt /src/
RUN python -m venv --without-pip /opt/claimbus \
    && python -m pip --python /opt/claimbus/bin/python install --quiet --require-hashes --requirement /src/services.txt

# One service, and the start of it: a folder with a __main__.py is what Python runs.
FROM libraries AS one
ARG SERVICE
COPY --from=build /wheels /wheels
RUN python -m pip --python /opt/claimbus/bin/python install --quiet --no-deps --no-index --find-links /wheels \
        --target /opt/service claimbus "claimbus-${SERVICE}" \
    && python -c "print('import runpy; runpy.run_module(%r, run_name=%r)' % ('${SERVICE}'.replace('-', '_'), '__main__'))" \
        > /opt/service/__main__.py

FROM ${PYTHON} AS service
COPY --from=libraries /opt/claimbus /opt/claimbus
COPY --from=one /opt/service /opt/service
# Nothing is written, not even bytecode: the root may be read-only.
ENV PYTHONPATH=/opt/service PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CLAIMBUS_HEALTH_HOST=0.0.0.0 CLAIMBUS_HEALTH_PORT=8080
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=5s --start-period=10m \
    CMD ["/opt/claimbus/bin/python", "-m", "claimbus.probe", "8080"]
ENTRYPOINT ["/opt/claimbus/bin/python", "/opt/service"]
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="claimbus ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
