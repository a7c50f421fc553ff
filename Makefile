# Each target sets up what it needs. On a fresh machine: Python 3.11+ and Node 20+, nothing else.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
CDK := node_modules/.bin/cdk
# Node 20 is enough for the CDK; it need not say at each run how old it is.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.PHONY: help chromium prometheus demo picture ortools test emulators e2e bench bench-cold chaos fuzz template synth bootstrap diff deploy destroy lint audit sbom lock docs clean
.DEFAULT_GOAL := demo

help:  ## what each target does
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##[ ]*/\t/' | expand -t 12

demo: $(VENV)/.ready  ## a day on the simulated account beside what ECS does alone, and its report
	$(BIN)/steady demo --out build/demo

picture: $(VENV)/.ready  ## the README's picture and figures, from the demo's own data
	$(BIN)/steady demo --out build/demo --picture docs/pictures --page README.md

# worksteal: each process takes neighbouring tests, which share what their module makes, and helps the others in the end.
test: $(VENV)/.ready node_modules/.ready chromium prometheus ortools  ## every test but those on emulators
	$(BIN)/pytest -n auto --dist worksteal -m "not e2e"

emulators: $(VENV)/.ready node_modules/.ready  ## the suite on local emulators that stay up, and what to try on them
	$(BIN)/python -m tests.e2e.playground up

e2e: $(VENV)/.ready node_modules/.ready  ## cdk deploy on local emulators, and real events through them
	$(BIN)/pytest -m e2e -s

# The tests open the page in Debian's chromium; where it cannot be installed they are skipped, and say so.
chromium:
	@command -v chromium >/dev/null || { mkdir -p build; { test "$$(id -u)" = 0 && apt-get -q update \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; } \
	  >build/chromium.log 2>&1 || echo "no chromium: the tests of the page in a browser are skipped"; }

# The tests run Debian's Prometheus, which is unpacked and not installed: nothing starts by itself. Where it cannot be had
# they are skipped, and say so; with REQUIRE_PROMETHEUS=1, they fail.
prometheus:
	@command -v prometheus >/dev/null || test -x build/prometheus/usr/bin/prometheus || { mkdir -p build/prometheus; \
	  { apt-get -q update; cd build/prometheus && apt-get -q download prometheus && dpkg -x prometheus_*.deb . && rm *.deb; } \
	  >build/prometheus.log 2>&1 || echo "no prometheus: the tests of rules and scraping are skipped"; }

# The traces of real workloads are not part of the project: TRACES is the folder that holds them.
TRACES ?= ../shared/traces
# All of `make bench` takes less than three hours on two cores with these. More say more.
SEEDS ?= 1
HOURS ?= 48

# OR-tools is for the search that placement is compared with, for the clairvoyant and its tests, and for nothing else.
ortools: $(VENV)/.ready
	@$(BIN)/python -c "import ortools" 2>/dev/null || { mkdir -p build; \
	  $(BIN)/pip install --quiet --disable-pip-version-check 'ortools>=9,<10' >build/ortools.log 2>&1 \
	  || echo "no OR-tools: the tests of the clairvoyant are skipped"; }

# A benchmark of which a promise is not kept ends with 1: the others run all the same, and so does make in the end.
bench: $(VENV)/.ready ortools  ## every figure of the pages of benchmarks, into them
	@kept=0; bench() { echo "steady bench $$*"; $(BIN)/steady bench "$$@" || kept=$$?; }; \
	bench interruption --peers --page docs/interruption-benchmark.md; \
	bench interruption --matrix --page docs/benchmarks.md; \
	bench interruption --services all --reason all --page docs/benchmarks.md; \
	bench limits --traces $(TRACES) --page docs/benchmarks.md; \
	bench growth --page docs/benchmarks.md; \
	bench sizes --page docs/benchmarks.md; \
	bench published --page docs/fidelity.md; \
	bench launch --page docs/launch-queue.md; \
	bench renewal --page docs/renewal.md; \
	bench karpenter --page docs/benchmarks.md; \
	bench policies --traces $(TRACES) --seeds $(SEEDS) --hours $(HOURS) --page docs/benchmarks.md; \
	bench pools --traces $(TRACES) --hours 6 --seeds 3 --page docs/pools-measured.md; \
	bench clairvoyant --traces $(TRACES) --hours 24 --wait 90 --page docs/benchmarks.md; \
	bench sensitivity --hours 24 --page docs/sensitivity.md; \
	exit $$kept

# Ten minutes of a coverage-guided fuzzer on all queues. Atheris is for Linux alone, and for nothing else here.
FUZZ_SECONDS ?= 600

fuzz: $(VENV)/.ready  ## whatever can be sent to a queue: no error, no write on refusal, never over the maximum
	$(BIN)/pip install --quiet --disable-pip-version-check 'atheris>=3,<4'
	mkdir -p build/fuzz/corpus
	PYTHONPATH=.:functions $(BIN)/python tests/fuzz/fuzz_queues.py -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
	  -artifact_prefix=build/fuzz/ build/fuzz/corpus

chaos: $(VENV)/.ready  ## every fault at every call, and thirty days of them all; into docs/reliability.md
	$(BIN)/steady bench chaos --page docs/reliability.md

bench-cold: $(VENV)/.ready  ## from the interruption handler's start to its first call, beside others'
	$(BIN)/steady bench cold

# ENV picks an environment of cdk.json (make deploy ENV=prod); without it, cdk.json's own "env" holds.
CDK_APP = PATH="$(CURDIR)/$(BIN):$$PATH" $(CDK) $(if $(ENV),--context env=$(ENV))

template: $(VENV)/.ready node_modules/.ready  ## plain CloudFormation templates, for those who do not use the CDK
	$(BIN)/steady template $(if $(ENV),--env $(ENV))

synth: $(VENV)/.ready node_modules/.ready  ## the CloudFormation templates, in cdk.out/
	$(CDK_APP) synth --quiet
	@ls cdk.out/*.template.json

bootstrap: $(VENV)/.ready node_modules/.ready  ## what the CDK needs in an account, once
	$(CDK_APP) bootstrap

diff: $(VENV)/.ready node_modules/.ready  ## what a deployment would change in the account
	$(CDK_APP) diff

deploy: $(VENV)/.ready node_modules/.ready  ## all stacks of the environment, once the account is prepared
	$(BIN)/steady prepare $(if $(ENV),--env $(ENV))
	$(CDK_APP) deploy --all

destroy: $(VENV)/.ready node_modules/.ready  ## all stacks of the environment; docs/remove.md says what comes before
	$(CDK_APP) destroy --all

lint: $(VENV)/.ready node_modules/.ready build/checkov/.ready  ## the form of the code, its types, and the templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy functions simulator cli infra monitoring
	$(CDK_APP) synth --quiet --output build/cdk.out
	$(BIN)/cfn-lint build/cdk.out/*.template.json
	build/checkov/bin/checkov --directory build/cdk.out --config-file .checkov.yaml

lock:  ## requirements.txt anew from pyproject.toml
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet pip-tools
	build/lock/bin/pip-compile --quiet --all-extras --strip-extras --generate-hashes --upgrade \
	  --no-emit-index-url --no-emit-find-links --output-file requirements.txt pyproject.toml

docs: $(VENV)/.ready node_modules/.ready  ## what is made from code: the tuning guide's table, the costs, Grafana's dashboards
	$(BIN)/python -m cli.tuning_guide
	$(BIN)/python -m cli.cost_page
	$(BIN)/python -m monitoring.dashboards

# checkov pins what others of ours need newer: it has an environment to itself.
build/checkov/.ready:
	$(PYTHON) -m venv build/checkov
	build/checkov/bin/pip install --quiet --disable-pip-version-check checkov==3.3.30
	touch $@

audit: $(VENV)/.ready node_modules/.ready  ## known vulnerabilities of what is installed, by the advisories on the net
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(BIN)/pip-audit --requirement requirements.txt --no-deps --disable-pip
	npm audit

sbom: $(VENV)/.ready node_modules/.ready  ## bills of materials (CycloneDX) in build/
	$(BIN)/cyclonedx-py environment --of JSON --output-file build/sbom-python.json $(BIN)/python
	npm sbom --sbom-format cyclonedx > build/sbom-npm.json

clean:  ## all that other targets have set up or made
	rm -rf $(VENV) node_modules build cdk.out

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

node_modules/.ready: package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	touch $@
