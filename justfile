# One verb per recipe. .ci/run runs all checks that a change must pass.

# Lists the recipes.
default:
    @just --list

# Formats the code.
fmt:
    cargo fmt

# Checks format, code and scripts; warnings are errors.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    cargo clippy --test e2e --locked -- -D warnings
    cargo clippy --test postgres --locked -- -D warnings
    cargo clippy --package job-status-exporter --no-default-features --locked -- -D warnings
    scripts/check-scripts
    scripts/check-links

# Runs the unit and integration tests: no cluster, no network.
test *ARGUMENTS:
    cargo test --locked {{ ARGUMENTS }}

# Regenerates the golden files and docs/metrics.md; read the diff before you commit it.
bless:
    UPDATE_GOLDEN=1 cargo test --locked
    git diff --stat

# Builds the API documentation; warnings are errors.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# Checks licences, duplicates, sources and advisories of dependencies (needs cargo-deny).
deny:
    cargo deny --locked check

# Builds the release binary.
build:
    scripts/build-release

# Checks that the release binary contains no path of this machine.
paths: build
    scripts/check-paths

# Checks the golden files with promtool, and scrapes and probes the demo with a real Prometheus.
prometheus: build
    scripts/check-golden
    scripts/check-demo
    scripts/check-probe
    scripts/check-native

# Opens the pages in Chromium, and times them with many workloads.
pages *ARGUMENTS: build
    scripts/check-pages {{ ARGUMENTS }}

# Tests the JSON API of the demo with schemathesis.
api *ARGUMENTS: build
    scripts/check-api {{ ARGUMENTS }}

# Tests the alert rules, and that the tests notice when a rule is broken.
rules *ARGUMENTS:
    scripts/check-rules {{ ARGUMENTS }}

# Checks that the mixin renders the rules and dashboards (needs jsonnet).
mixin:
    scripts/check-mixin

# Evaluates every expression of the dashboards on a Prometheus that scrapes the demo.
dashboards *ARGUMENTS: build
    scripts/check-dashboards {{ ARGUMENTS }}

# Evaluates every query of docs/cookbook.md on a Prometheus that scrapes two replicas.
cookbook *ARGUMENTS: build
    scripts/check-cookbook {{ ARGUMENTS }}

# Checks the systemd units; with `--run`, as root, also runs them with systemd in namespaces of its own.
systemd *ARGUMENTS:
    scripts/check-systemd {{ ARGUMENTS }}

# Runs the demo with a real Prometheus and Alertmanager, and checks which alerts fire and clear.
alerts *ARGUMENTS: build
    scripts/check-alerts {{ ARGUMENTS }}

# Runs the end-to-end tests against a temporary control plane.
e2e *ARGUMENTS:
    scripts/with-cluster cargo test --locked --test e2e {{ ARGUMENTS }}

# Runs the tests of the history in PostgreSQL against a temporary server.
postgres *ARGUMENTS:
    scripts/with-postgres cargo test --locked --test postgres {{ ARGUMENTS }}

# Runs the benchmarks of decoding, rendering, the store and schedules.
bench *ARGUMENTS:
    cargo bench --locked {{ ARGUMENTS }}

# Measures the whole exporter with an API server and many Jobs; see docs/performance.md.
benchmark *ARGUMENTS: build
    scripts/with-cluster --bare scripts/benchmark {{ ARGUMENTS }}

# Measures the exporter with up to a million Jobs of a synthetic API server; see docs/performance.md.
benchmark-large *ARGUMENTS: build
    scripts/build-release --package batch-simulator --example million
    scripts/benchmark-large {{ ARGUMENTS }}

# Counts the instructions of decoding, rendering and listing (needs valgrind); `--update` records them.
instructions *ARGUMENTS:
    scripts/check-instructions {{ ARGUMENTS }}

# Breaks everything around the exporter at random, and compares its totals with the truth (as root).
chaos *ARGUMENTS: build
    scripts/chaos {{ ARGUMENTS }}

# Checks that nothing grows while Jobs come and go.
soak *ARGUMENTS: build
    scripts/build-release --package batch-simulator --example churn
    scripts/soak {{ ARGUMENTS }}

# Checks the exporter behind a network that loses packets (as root).
network *ARGUMENTS: build
    scripts/build-release --package batch-simulator --example churn
    scripts/check-network {{ ARGUMENTS }}

# Checks access, certificates and reloads, with curl, Prometheus and a real control plane.
web *ARGUMENTS: build
    scripts/with-cluster scripts/check-web {{ ARGUMENTS }}

# Writes the files of deploy/ that are made from others: copies, README of the chart, manifests (needs helm and helm-docs).
manifests *ARGUMENTS:
    scripts/render-manifests {{ ARGUMENTS }}

# Checks the Helm chart and the manifests, with helm, kubeconform and a real API server.
chart *ARGUMENTS: build
    scripts/with-cluster --bare scripts/check-chart {{ ARGUMENTS }}

# Fuzzes everything that is read from outside.
fuzz *ARGUMENTS:
    scripts/fuzz {{ ARGUMENTS }}

# Writes the licences of what the release binary contains to THIRD-PARTY-LICENSES.
third-party:
    scripts/third-party

# Builds the release binary so that it needs no library.
static:
    scripts/build-release --static --package job-status-exporter --bin job-status-exporter

# Builds the container image from source.
image TAG="job-status-exporter":
    docker build --build-arg REVISION="$(git rev-parse --short=12 HEAD)" --build-arg CREATED="$(git show --no-patch --format=%cI HEAD)" --tag {{ TAG }} .

# Puts a static binary into an image, and runs it as a container would (needs buildah; as root).
check-image *ARGUMENTS:
    scripts/check-image {{ ARGUMENTS }}

# Makes the files of a release in dist/ from a tag (needs buildah and cargo-cyclonedx; as root).
release TAG *TARGETS:
    scripts/release {{ TAG }} {{ TARGETS }}

# Runs the exporter with the cluster that kubectl would use. `just run demo` needs no cluster.
run *ARGUMENTS:
    cargo run --release --locked -- {{ ARGUMENTS }}

# Runs all checks that a change must pass.
ci:
    .ci/run
