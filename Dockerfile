# syntax=docker/dockerfile:1

# A static binary: on Alpine the Rust toolchain links musl in.
FROM rust:1.95-alpine AS build
# ring has parts in C and assembler. The certificates are for the image below.
RUN apk add --no-cache ca-certificates gcc musl-dev
WORKDIR /src
COPY . .
# Shown by --version and job_status_exporter_build_info; there is no .git in the build.
ARG REVISION=unknown
ENV JOB_STATUS_EXPORTER_REVISION=$REVISION
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin job-status-exporter \
    && install -D target/release/job-status-exporter /out/job-status-exporter

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="job-status-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the status of Kubernetes Jobs and CronJobs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision=$REVISION
# For API servers whose kubeconfig names no certificate authority; read where Linux programs look for it.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/job-status-exporter /job-status-exporter
USER 65532:65532
EXPOSE 9806
ENTRYPOINT ["/job-status-exporter"]
