# syntax=docker/dockerfile:1

# Two targets with the same contents:
#   source  builds the binary; the default
#   binary  takes a binary that scripts/build-release --static built. Its context is a directory with the binary, LICENSE,
#           THIRD-PARTY-LICENSES and ca-certificates.crt; scripts/build-image makes it.

# There is no HEALTHCHECK: Kubernetes ignores it, and the image has no program that could ask /livez.
FROM scratch AS base
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="job-status-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the status of Kubernetes Jobs and CronJobs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED
# A number, so that the kubelet can see that it is not root (runAsNonRoot).
USER 65532:65532
# The allocator of glibc gives more back after a burst of Jobs; see docs/performance.md. That of musl ignores it.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
EXPOSE 9806
ENTRYPOINT ["/job-status-exporter"]

# Before `build`: older versions of buildah run every stage up to the target, and this one needs no toolchain.
FROM base AS binary
# CA certificates for API servers whose kubeconfig names no certificate authority, at the usual path on Linux.
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE THIRD-PARTY-LICENSES /
COPY job-status-exporter /job-status-exporter

# On Alpine the Rust toolchain links musl statically.
FROM rust:1.95-alpine AS build
# ring contains C and assembler code. The CA certificates are copied to the final image.
RUN apk add --no-cache ca-certificates gcc musl-dev
WORKDIR /src
COPY . .
# Shown by --version and job_status_exporter_build_info; the build has no .git directory.
ARG REVISION=unknown
ENV JOB_STATUS_EXPORTER_REVISION=$REVISION
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    scripts/build-release --bin job-status-exporter \
    && install -D target/release/job-status-exporter /out/job-status-exporter

FROM base AS source
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/LICENSE /src/THIRD-PARTY-LICENSES /
COPY --from=build /out/job-status-exporter /job-status-exporter
