# Everything sets itself up first and is quick the second time. PYTHON=/path/to/python3.13 chooses an interpreter.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
BIN := .venv/bin
PYTEST ?= $(BIN)/python -m pytest
# Each of the thousands of processes that tests start would compile all that it loads.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo fleet test quick flakes check bench soak format lock advisories vex words menu features holidays reference countries openapi engine deb repository image machine

help:
	@sed -nE 's/^(\w+):.*## /make \1\t/p' Makefile | expand -t 16

demo:  ## a simulated handset against real peers, that is set up and rings; NEW=1 for one out of its box, ONCE=1 makes one call by itself and ends, PBX=asterisk at a real Asterisk, PORT=8089 is the page's
	@tools/setup demo
	@$(BIN)/wecall demo $(if $(ONCE),--once) $(if $(NEW),--new) $(if $(PBX),--pbx $(PBX)) $(if $(PORT),--port $(PORT))

fleet:  ## 200 simulated handsets and the page that shows them; DEVICES=1000 for more
	@tools/setup fleet
	@$(BIN)/python -m tests.lab.fleet_demo --devices $(or $(DEVICES),200)

test:  ## the gate: the quick tier, and of the real one what is drawn and what the change touches; ALL=1 every case, REPEAT=20 that often, ARGS='tests/unit/phone' goes to pytest alone
	@tools/setup test
	@$(if $(ARGS),$(PYTEST) $(ARGS),$(BIN)/python -m $(if $(ALL),tests.soak every-case,tests.gate $(if $(REPEAT),--repeat $(REPEAT))))

quick:  ## the tests of the parts, without real peers and sound: three minutes at most; ARGS='...' goes to pytest
	@tools/setup test >/dev/null
	@$(BIN)/python -m tests.gate --tier quick $(if $(ARGS),-- $(ARGS))

flakes:  ## how often each test of the gate has failed, of tests/flakes.json
	@tools/setup check
	@$(BIN)/python -m tests.gate --flakes

check:  ## format, lint, types, import rules, what is locked
	@tools/setup check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy systemd/firewall.py
	@$(BIN)/lint-imports --verbose | tail -n 20
	@$(BIN)/python -m tools.lock check

bench:  ## the handset beside baresip and linphone, and a fleet beside bare clients, some two hours; PART="intake fleet dashboard" measures these alone
	@tools/setup bench
	@$(BIN)/python -m tests.bench $(PART)

soak:  ## the long counts: thousands of calls, hundreds of kills, whatever chance finds; a night, in parts that go on where they were stopped; PART=kills runs one, LIST=1 says how each stands, AGAIN=1 begins anew
	@tools/setup test
	@tools/setup bench
	@tools/setup image
	@tools/setup machine
	@$(BIN)/python -m tests.soak $(if $(LIST),--list,$(if $(AGAIN),--again) $(PART))

format:  ## rewrite the code as check wants it
	@tools/setup check
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:  ## write which release of each package a phone gets, requirements/*.lock; UPGRADE=1 takes newer ones
	@tools/setup check
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/python -m tools.lock renew $(if $(UPGRADE),--upgrade)

advisories:  ## what is known against the libraries that are installed here, and what each means for a phone
	@tools/setup check
	@$(BIN)/wecall doctor --advisories

words: MODULES = tools.words  ## take what the phone says out of the code into the catalogues, and compile these
menu: MODULES = tools.menu_map tests.tasks  ## draw the map of the menus, docs/menu.md, and count what tasks take, docs/tasks.md
features: MODULES = tests.features  ## list every feature and the tests that show it, docs/features.md
holidays: MODULES = tools.public_holidays  ## write the public holidays of each country, by which working days are counted, firmware/privacy/holidays.txt
reference: MODULES = tools.reference tools.schemas tools.home_assistant  ## write what can be set, docs/configuration.md, and the example; what goes over the broker, fleet/schemas; its words for Home Assistant
countries: MODULES = tools.countries  ## write every country's numbers into the firmware, and as a table, docs/countries.md
vex: MODULES = tools.sbom.vex  ## write what is known against the libraries for machines to read, docs/vex.json
openapi: MODULES = tools.openapi  ## write what the fleet's HTTP API answers, fleet/schemas/openapi.json

words menu features holidays reference countries openapi vex:
	@tools/setup check
	@$(foreach module,$(MODULES),$(BIN)/python -m $(module) &&) true

# The same that setup does, for another processor too.
engine:  ## the SIP library's wheel, built once and kept; ARCH=arm64 for a Raspberry Pi
	@tools/setup engine
	@/usr/bin/python3 -m engine $(if $(ARCH),--arch $(ARCH))

PACKAGE = $(BIN)/python -m tools.debian $(if $(WHEELS),--wheels $(WHEELS))

deb:  ## the Debian package, with the SIP library: ARCH=arm64 (or amd64), WHEELS=folder to take packages from first
	@tools/setup deb
	@$(PACKAGE) --arch $(or $(ARCH),arm64)

repository:  ## a signed repository for phones that apt upgrades: FOLDER=www URL=https://... KEY=packages.asc DEB='*.deb'; without DEB it is signed anew
	@tools/repository "$(FOLDER)" "$(URL)" "$(KEY)" $(DEB)

RELEASE ?= build/release

image:  ## a card that starts a phone, and the update to the same; ARCH=amd64 for a PC, RELEASE=folder of `wecall release keys`; slow, as root
	@tools/setup image
	@[ -e $(RELEASE)/release-keys ] || { $(BIN)/wecall release keys new --no-passphrase $(RELEASE) && $(BIN)/wecall release keys sign $(RELEASE); }
	@tools/image/root $(or $(ARCH),arm64) $$($(PACKAGE) --compression none --output build/image/package --arch $(or $(ARCH),arm64) | tail -n 1)
	@tools/image/pack $(or $(ARCH),arm64) build/image/$(or $(ARCH),arm64)/root $(RELEASE) build/image/$(or $(ARCH),arm64)

machine:  ## the package in a whole emulated machine: sticks in its USB port, calls, its devices; minutes. ARCH=arm64: the card that make image has made in one like a Raspberry Pi, half an hour
	@tools/setup machine
	@WECALL_MACHINE=$(if $(filter arm64,$(ARCH)),arm64,amd64) $(PYTEST) tests/machine --timeout 7200 $(ARGS)
