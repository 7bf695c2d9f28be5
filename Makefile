# make demo   an origin and an edge on this machine, and a real join between them
# make test   every test
# make bench  what it costs, beside the cheapest that could do the same; fails where a limit is missed
# make dist   what operators get, in dist/: the binary, and the install.sh that belongs to it
#
# The first three install what they need, as root on Debian or Ubuntu with Rust installed.

.PHONY: build dist demo test bench lint docs tools

# More than there are processors: lab hosts wait more than they compute.
THREADS ?= 4

build:
	cargo build --release --locked

# Below this address install.sh looks for the binary.
BASE_URL ?= https://www.streamhub.studio/releases

dist:
	packaging/dist.sh "$(BASE_URL)" dist

demo: tools
	cargo test --quiet --locked --test lab -- --exact demo::the_documented_sequence_from_boot_to_registry --nocapture

test: tools
	tests/run.sh "$(THREADS)"

# Writes docs/performance.md.
bench: tools
	UPDATE_BENCH=1 cargo test --quiet --locked --test lab -- --exact bench_test::the_program_costs_no_more_than_it_may --nocapture

lint:
	shellcheck install.sh packaging/*.sh tests/run.sh tests/lab/*.sh .ci/run
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --lib

# Writes what is generated from the code; `make test` fails where it is not up to date.
docs:
	UPDATE_DOCS=1 cargo test --locked --test docs

tools:
	tests/lab/tools.sh
