# syntax=docker/dockerfile:1

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

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="job-status-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the status of Kubernetes Jobs and CronJobs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision=$REVISION
# CA certificates for API servers whose kubeconfig names no certificate authority, at the usual path on Linux.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/job-status-exporter /job-status-exporter
USER 65532:65532
EXPOSE 9806
ENTRYPOINT ["/job-status-exporter"]
