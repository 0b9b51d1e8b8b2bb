# One image for each service, and for the edge:
#
#   docker build --build-arg SERVICE=leave --tag staffmesh/leave .
#
# `production` is a bundle and the Node that package.json pins, without a shell; `development` (--target) runs the sources.
# Bases are values. Whoever has the files of a stage already gives them in its place, e.g. --build-context bundle=<folder>;
# the stage is then not built (cluster/images/ works so).

# Has npm, a shell and tar, and the libatomic that Node needs since 25.
ARG BUILD_IMAGE=docker.io/library/node:26-trixie-slim
# Has glibc, libstdc++ and certificates. Of the same release as BUILD_IMAGE, since libatomic comes from there.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${BUILD_IMAGE} AS packages
WORKDIR /staffmesh
COPY package.json package-lock.json .npmrc ./
# --secret id=npmrc,src=$HOME/.npmrc where packages come from a registry of one's own.
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM packages AS build
ARG SERVICE
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node_modules/.bin/node bundle/bundle.ts "${SERVICE}" /bundle

FROM scratch AS bundle
COPY --from=build /bundle /

FROM packages AS pinned-node
RUN mkdir -p /node/bin /node/lib && \
    cp --dereference node_modules/.bin/node /node/bin/ && \
    cp --dereference /usr/lib/*/libatomic.so.1 /node/lib/

FROM scratch AS node
COPY --from=pinned-node /node /

FROM scratch AS dependencies
COPY --from=packages /staffmesh /

# For all services: what is started with `node --watch`, the pods say (cdk8s/development.ts). Sources lie aside, to be copied
# to where they may be edited, a writable folder at /staffmesh/services; all else may be read-only.
FROM ${BUILD_IMAGE} AS development
WORKDIR /staffmesh/services
WORKDIR /staffmesh
COPY --from=dependencies / .
COPY services /sources
ENV PATH=/staffmesh/node_modules/.bin:/usr/bin:/bin
LABEL org.opencontainers.image.title="staffmesh, for development"
USER 65532:65532

FROM ${RUNTIME_IMAGE} AS runtime
COPY --from=node / /usr/
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["node", "main.js"]

FROM runtime AS production
ARG SERVICE
ARG VERSION=0.0.0
ARG REVISION=unknown
COPY --from=bundle / .
LABEL org.opencontainers.image.title="staffmesh ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
