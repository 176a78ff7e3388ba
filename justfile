# One verb per recipe. .ci/run goes through those that a change has to pass.

# Lists the recipes.
default:
    @just --list

# Formats the code.
fmt:
    cargo fmt

# Judges format, code and scripts; warnings are errors.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    shellcheck .ci/run scripts/check-golden scripts/install-tools scripts/with-cluster

# Runs the unit and integration tests: no cluster, no network.
test *ARGUMENTS:
    cargo test --locked {{ ARGUMENTS }}

# Writes the golden files and docs/metrics.md anew; look at the diff before you commit it.
bless:
    UPDATE_GOLDEN=1 cargo test --locked
    git diff --stat

# Builds the API documentation; warnings are errors.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# Checks licences, duplicates, sources and advisories of the dependencies (needs cargo-deny).
deny:
    cargo deny --locked check

# Builds the release binary.
build:
    cargo build --release --locked

# Lets promtool judge the recorded metrics, and a real Prometheus the demo.
prometheus: build
    scripts/check-golden
    scripts/check-demo

# Runs the end-to-end tests against a control plane of their own.
e2e *ARGUMENTS:
    scripts/with-cluster cargo test --locked --test e2e {{ ARGUMENTS }}

# Measures decoding and rendering.
bench *ARGUMENTS:
    cargo bench --locked {{ ARGUMENTS }}

# Measures the whole exporter against an API server full of Jobs; see docs/performance.md.
benchmark *ARGUMENTS: build
    scripts/with-cluster --bare scripts/benchmark {{ ARGUMENTS }}

# Builds the container image.
image TAG="job-status-exporter":
    docker build --build-arg REVISION="$(git rev-parse --short=12 HEAD)" --tag {{ TAG }} .

# Runs the exporter; without arguments against the cluster that kubectl would use. `just run demo` needs none.
run *ARGUMENTS:
    cargo run --release --locked -- {{ ARGUMENTS }}

# Everything that a change has to pass.
ci:
    .ci/run
