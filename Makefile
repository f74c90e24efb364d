# Every target sets up what it needs: `make demo` and `make test` work on a fresh Debian 12 with Swift 6.3.

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 60
SWIFT ?= swift
RELEASE = $(SWIFT) build -j 2 -c release --product ettools --static-swift-stdlib
PACKAGES = libflatbuffers-dev libsqlite3-dev libgraphviz-dev libzstd-dev zstd pkg-config
TOOLS = etdump etrun etdiff etgraph etgate etpte
DEMO = Fixtures/models/mobilenet_v2/xnnpack
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help setup build demo test install uninstall bench fuzz fixtures fixtures-large check clean

help:
	@echo 'make demo      build, and inspect a real trace'
	@echo 'make test      build, and run every test'
	@echo 'make install   PREFIX=/usr/local: the program, its names, man page and completions'
	@echo 'make bench     VENV=dir for the reference beside it: time and memory of whole commands'
	@echo 'make fuzz      SECONDS_EACH=60: libFuzzer on every reader'
	@echo 'make check     imports, man pages, formatting'
	@echo 'make fixtures  VENV=dir with the reference: record the fixtures anew'

setup:
	@missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "please install:$$missing" >&2; exit 1; }; \
	  echo "installing$$missing" >&2; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
	@command -v $(SWIFT) >/dev/null || { echo 'please install Swift 6.2 or later: https://swift.org/install' >&2; exit 1; }

build: setup
	$(RELEASE)

demo: build
	@echo
	@echo '$$ etdump inspect time.etdp --model model.etrecord --model model.pte --runs 2.. --top 12     (in $(DEMO))'
	@.build/release/ettools etdump inspect $(DEMO)/time.etdp.zst --model $(DEMO)/model.etrecord.zst --model $(DEMO)/model.pte --runs 2.. --top 12

test: setup
	$(SWIFT) test -j 2

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 .build/release/ettools $(DESTDIR)$(PREFIX)/bin/ettools
	strip $(DESTDIR)$(PREFIX)/bin/ettools
	for tool in $(TOOLS); do ln -sf ettools $(DESTDIR)$(PREFIX)/bin/$$tool; done
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(DESTDIR)$(PREFIX)/bin/etdump --generate-completion-script bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/etdump
	$(DESTDIR)$(PREFIX)/bin/etdump --generate-completion-script zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_etdump
	$(DESTDIR)$(PREFIX)/bin/etdump --generate-completion-script fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/etdump.fish

uninstall:
	for tool in ettools $(TOOLS); do rm -f $(DESTDIR)$(PREFIX)/bin/$$tool; done
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/etdump.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/etdump \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_etdump $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/etdump.fish

bench: build
	Tests/Bench/bench.sh .build/release/ettools $(VENV)

fuzz: setup
	for target in $(basename $(notdir $(wildcard Tests/Fuzz/*.swift))); do \
	  Tests/Fuzz/fuzz.sh $$target $(SECONDS_EACH) || exit 1; done

fixtures:
	@[ -n "$(VENV)" ] || { echo 'VENV=dir: a Python with Fixtures/generate/requirements.txt' >&2; exit 64; }
	$(VENV)/bin/python Fixtures/generate/generate.py
	Fixtures/generate/native/build-and-run.sh $(VENV)

fixtures-large:
	@[ -n "$(VENV)" ] || { echo 'VENV=dir: a Python with Fixtures/generate/requirements.txt' >&2; exit 64; }
	$(VENV)/bin/python Fixtures/generate/generate.py --large

check: setup
	Tests/Check/imports.py
	! command -v mandoc >/dev/null || mandoc -T lint -W warning man/*.1
	Tests/Check/man.sh

clean:
	rm -rf .build
