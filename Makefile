# make demo    the appliance on the captures of fixtures/, in the browser
# make test    all checks and tests
# make help    the rest

# `make demo PROFILE=dev` builds faster and runs slower.
PROFILE ?= release
BIN := target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
ENGINE := store/embedded/node_modules/.package-lock.json
PAGES := dashboards/node_modules/.package-lock.json
DIST := dashboards/dist/index.html
# What tests skip, and why: told at the end of `make test`.
export ETIAGE_SKIPPED := $(CURDIR)/target/skipped
export ETIAGE_ENGINE_LIBRARY ?= $(CURDIR)/store/embedded/node_modules/@chdb/lib-linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)-gnu/libchdb.so

# The oldest Rust that is promised.
OLDEST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: help
help:
	@echo 'make demo         start the appliance on recorded traffic; Ctrl-C ends it'
	@echo 'make test         format, lints, unit, integration, browser and demo tests'
	@echo 'make build        target/release/etiage and target/release/etiage-clickhouse'
	@echo 'make deps         install what a build needs: Debian packages (as root), npm packages'
	@echo 'make eval         accuracy of the classifier, on captures with ground truth beside them'
	@echo 'make bench-store  speed of the store, and size of its rows'
	@echo 'make screenshots  docs/images, from the running demo'
	@echo 'make lab          record real clients as root: make lab SCENARIO="mqtt ftp"'
	@echo 'make bench-events detection rate of falls, and false alarms'
	@echo 'make bench        speed beside other programs; also bench-live, bench-overload, soak (docs/benchmarks.md)'
	@echo 'make test-long    tests that take minutes: more power cuts'
	@echo 'make faults       power cuts, kills, full disks, overload: the table of docs/reliability.md'
	@echo 'make budget       instructions per packet, against bench/budget.toml'
	@echo 'make fuzz         each fuzz target for SECONDS=60, or one RECOGNISER= alone (needs nightly and cargo-fuzz)'

.PHONY: deps deps-test
deps: $(ENGINE) $(PAGES)
	@scripts/packages libpcap-dev gcc

deps-test: deps
	@scripts/packages chromium iproute2 nginx-light curl procps fonts-dejavu-core valgrind prometheus-alertmanager

$(ENGINE): store/embedded/package-lock.json
	cd store/embedded && npm ci --no-audit --no-fund
	@touch $@

$(PAGES): dashboards/package-lock.json
	cd dashboards && npm ci --no-audit --no-fund
	@touch $@

$(DIST): $(PAGES) $(shell find dashboards/src dashboards/public dashboards/index.html dashboards/*.ts -type f 2>/dev/null)
	cd dashboards && npm run build
	@touch $@

.PHONY: build
build: deps $(DIST)
	cargo build --locked --profile $(PROFILE) --package etiage --package etiage-clickhouse

# `make demo LISTEN=127.0.0.1:9000` serves there; port 0 means any free port.
.PHONY: demo
demo: build
	@exec $(BIN)/etiage replay --config fixtures/demo.toml --together --repeat \
		--pace real --rebase-to-now $(if $(LISTEN),--listen $(LISTEN)) fixtures/captures/*.pcap

.PHONY: test lint test-rust test-dashboards test-browser
test: no-skips deps-test lint test-rust budget test-dashboards test-browser
	@if [ -s $(ETIAGE_SKIPPED) ]; then echo "Skipped: $$(sort $(ETIAGE_SKIPPED) | uniq -c | \
		sed 's/^ *\([0-9]*\) \(.*\)/\2 (\1)/' | paste -sd ';' | sed 's/;/; /g')"; \
		else echo 'Nothing was skipped.'; fi

.PHONY: no-skips
no-skips:
	@mkdir -p target && : > $(ETIAGE_SKIPPED)

lint: deps $(DIST)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet
	CARGO_TARGET_DIR=target cargo check --locked --manifest-path fuzz/Cargo.toml
	@scripts/optional 'licences and duplicates' cargo deny --offline --locked check bans licenses sources
	@scripts/optional 'unused dependencies' cargo machete
	@scripts/optional "Rust $(OLDEST)" cargo +$(OLDEST) check --locked --workspace --target-dir target/oldest

test-rust: deps $(DIST)
	cargo build --locked --workspace
	cargo test --locked --workspace --no-fail-fast

test-dashboards: $(PAGES)
	cd dashboards && npm run check && npm test

# The page in a real browser against the real appliance, and the demo from start to end.
test-browser: deps $(DIST)
	cargo build --locked --workspace
	cd dashboards && ETIAGE=$(CURDIR)/target/debug/etiage npm run test:browser

# Faults injected, octets lost and doubled, seconds to recover: the table of docs/reliability.md. As root.
# FAULTS names the tests to run.
.PHONY: faults
FAULTS ?= faults power engine stop damage overload sight
faults: deps-test $(DIST)
	cargo build --locked --workspace
	@mkdir -p target && : > target/reliability.md
	ETIAGE_RELIABILITY=$(CURDIR)/target/reliability.md \
		cargo test --locked --package etiage --no-fail-fast --test adversity --test end_to_end -- $(FAULTS:%=%::)
	@echo '| fault | times | octets received | octets lost | octets doubled | seconds to recover |'
	@echo '|---|---:|---:|---:|---:|---:|'
	@sort target/reliability.md

# Tests that take minutes, such as a dozen power cuts.
.PHONY: test-long
test-long: deps-test $(DIST)
	cargo build --locked --workspace
	ETIAGE_LONG=1 cargo test --locked --package etiage --no-fail-fast --test adversity power::

# On fixtures/captures, and on larger collections where these variables name them: ETIAGE_LAB,
# recordings with sidecars, and ETIAGE_CORPUS, captures with flow labels (docs/accuracy.md).
.PHONY: eval
eval: deps $(DIST)
	cargo build --locked --profile $(PROFILE) --package etiage
	@for folder in $(or $(strip $(ETIAGE_LAB) $(ETIAGE_CORPUS)),fixtures/captures); do \
		for cut in '' '--cut client' '--cut server' '--cut first:5'; do \
			echo; echo "== etiage eval $$cut $$folder"; $(BIN)/etiage eval $$cut $$folder || exit 1; \
		done; done

# Its table is kept in docs/benchmarks.md. Needs about 10 GB of disk, and an hour or more.
.PHONY: bench-store
bench-store: $(ENGINE)
	cargo build --locked --profile $(PROFILE) --package etiage-clickhouse
	cargo run --locked --profile $(PROFILE) --package etiage-store --example bench_store

.PHONY: screenshots
screenshots: build
	cd dashboards && ETIAGE=$(CURDIR)/$(BIN)/etiage npm run screenshots

# RECOGNISER=tls runs that recogniser alone, over each transport that has it (the other target says that it has none);
# each has its own corpus.
.PHONY: fuzz
SECONDS ?= 60
FUZZ = cargo +nightly fuzz run
FUZZ_FLAGS = -max_total_time=$(SECONDS) -max_len=4096 -timeout=10
fuzz:
ifdef RECOGNISER
	cd fuzz && for target in tcp udp; do \
		mkdir -p corpus/$$target-$(RECOGNISER); \
		RECOGNISER=$(RECOGNISER) $(FUZZ) recogniser_$$target corpus/$$target-$(RECOGNISER) -- $(FUZZ_FLAGS); done
else
	cd fuzz && for target in $$(cargo +nightly fuzz list); do \
		$(FUZZ) $$target -- $(FUZZ_FLAGS) || exit 1; done
endif

# Recordings and their truth go to target/lab; see fixtures/lab/README.md.
.PHONY: lab
SCENARIO ?= all
lab:
	cargo build --locked --package etiage
	fixtures/lab/lab.py install $(SCENARIO)
	fixtures/lab/lab.py record $(SCENARIO) --out target/lab
	fixtures/lab/lab.py check $(if $(filter all,$(SCENARIO)),target/lab/*.pcap,$(SCENARIO:%=target/lab/%.pcap))

# 200 simulated links of 8 weeks each, a minute at a time; `LINKS=20` for a quick run.
.PHONY: bench-events
bench-events:
	cargo bench --locked --quiet --package etiage-detector --bench events

# Measuring: docs/benchmarks.md. The other programs come from Debian.
.PHONY: deps-bench bench-build bench-capture bench
deps-bench: deps
	@scripts/packages libndpi-bin softflowd nfdump tcpdump tcpreplay iproute2 util-linux curl

bench-build: deps $(DIST)
	cargo build --locked --release --package etiage --package etiage-clickhouse --package etiage-bench

# From fixtures/captures, and if ETIAGE_CORPUS is set, from the captures there.
bench-capture: bench-build
	target/release/etiage-bench compose --out target/bench fixtures/captures $(ETIAGE_CORPUS)

target/bench/mixed.pcap target/bench/short.pcap:
	@$(MAKE) bench-capture

BENCH_ROUNDS ?= 7
bench: deps-bench bench-build target/bench/mixed.pcap target/bench/short.pcap
	target/release/etiage-bench run --scaling --rounds $(BENCH_ROUNDS) \
		target/bench/mixed.pcap target/bench/short.pcap

# The engine alone, packets in memory; about 6 GB of memory with 10 million flows.
.PHONY: bench-engine
bench-engine:
	cargo bench --locked --quiet --package etiage-aggregator --bench engine

# As root: two network namespaces with their own pair of interfaces.
.PHONY: bench-live soak
bench-live: deps-bench bench-build target/bench/mixed.pcap target/bench/short.pcap
	target/release/etiage-bench live target/bench/mixed.pcap
	target/release/etiage-bench live target/bench/short.pcap

# As root: 25,000 short flows a second and 60 dashboards while recordings of hosters cross the interface.
.PHONY: bench-overload
bench-overload: deps-bench bench-build
	target/release/etiage-bench overload fixtures/captures/dd0*.pcap

MINUTES ?= 20
soak: deps-bench bench-build
	target/release/etiage-bench soak --minutes $(MINUTES) fixtures/captures $(ETIAGE_CORPUS)

# Instructions per packet, against bench/budget.toml. Only the measured program is built in that profile.
.PHONY: budget budget-update
budget budget-update: deps-test $(DIST)
	cargo build --locked --workspace
	cargo build --locked --profile budget --package etiage-bench --bin packet-path --no-default-features
	target/debug/etiage-bench budget --program target/budget/packet-path \
		$(if $(filter budget-update,$@),--update)

# The crates with unsafe code, under the address sanitiser. Needs nightly.
.PHONY: sanitize
sanitize: deps
	RUSTFLAGS=-Zsanitizer=address cargo +nightly test --target $(shell uname -m)-unknown-linux-gnu \
		--target-dir target/sanitize --tests \
		--package etiage-capture --package etiage-aggregator --package etiage-bench
