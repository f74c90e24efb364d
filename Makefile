# Every target sets up what it needs: `make demo` and `make test` work on a fresh Debian 12 with Swift 6.3.

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
SECONDS_EACH ?= $(SECONDS)
SWIFT ?= swift
RELEASE = $(SWIFT) build -j 2 -c release --product ettools --static-swift-stdlib
TOOLS = etdump etrun etdiff etgraph etgate etpte
DEMO = Fixtures/models/mobilenet_v2/portable
RUN = $(DEMO)/model.pte --iterations 20 --warmup 3 --trace .build/demo.etdp
ASK = inspect .build/demo.etdp --model $(DEMO)/model.etrecord.zst --model $(DEMO)/model.pte --top 8
DRAW = flame .build/demo.etdp --model $(DEMO)/model.etrecord.zst --model $(DEMO)/model.pte -o .build/demo.html
MAN_PAGES = $(DESTDIR)$(PREFIX)/share/man/man1
BASH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

.PHONY: help setup build demo test install uninstall setup-browser bench fuzz fixtures fixtures-large check clean

help:
	@echo 'make demo      build, run a real model, inspect the trace of it, and draw it as a page'
	@echo 'make test      build, and run every test'
	@echo 'make install   PREFIX=/usr/local: the program, its names, man page and completions'
	@echo 'make bench     VENV=dir for the reference beside it: time and memory of whole commands'
	@echo 'make fuzz      SECONDS=60: libFuzzer on every reader'
	@echo 'make check     imports, man pages, formatting'
	@echo 'make fixtures  VENV=dir with the reference: record the fixtures anew (fixtures-large: the large ones)'
	@echo 'make setup, setup-browser, build, uninstall, clean'

# Installs the packages that $$missing names.
INSTALL_MISSING = if [ -n "$$missing" ]; then \
	  sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	  if ! command -v apt-get >/dev/null || ! command -v $${sudo:-true} >/dev/null; then \
	    echo "please install (by the names of Debian):$$missing" >&2; exit 1; fi; \
	  echo "installing$$missing" >&2; \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing </dev/null >/dev/null || exit 1; fi

# Asks for what the packages bring, not for their names: elsewhere than on Debian they have others.
setup:
	@missing=; lacks() { missing="$$missing $$1"; }; \
	library() { pkg-config --exists $$1 2>/dev/null || lacks $$2; }; \
	command -v pkg-config >/dev/null || lacks pkg-config; \
	command -v zstd >/dev/null || lacks zstd; \
	[ -e /usr/include/flatbuffers/flatbuffers.h ] || library flatbuffers libflatbuffers-dev; \
	library sqlite3 libsqlite3-dev; library libgvc libgraphviz-dev; library libzstd libzstd-dev; \
	library zlib zlib1g-dev; \
	library openblas libopenblas-dev; \
	$(INSTALL_MISSING)
	@found=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p'); \
	set -- $${found:-0 0}; \
	[ "$$1" -gt 6 ] || { [ "$$1" = 6 ] && [ "$$2" -ge 2 ]; } || { \
	  echo "please install Swift 6.2 or later: https://swift.org/install (found: $$1.$$2)" >&2; exit 1; }

# For the tests of pages in a browser; without it `make test` skips them and says so.
HAS_BROWSER = command -v "$${ET_CHROMIUM:-chromium}" || { [ -z "$$ET_CHROMIUM" ] && \
	  { command -v chromium-browser || command -v google-chrome; }; }
setup-browser:
	@missing=; { $(HAS_BROWSER); } >/dev/null || missing=' chromium'; $(INSTALL_MISSING)

build: setup
	$(RELEASE)

demo: build
	@echo
	@echo '$$ etrun $(RUN)'
	@.build/release/ettools etrun $(RUN)
	@echo
	@echo '$$ etdump $(ASK)'
	@.build/release/ettools etdump $(ASK)
	@echo
	@echo '$$ etdump $(DRAW)'
	@.build/release/ettools etdump $(DRAW)
	@echo
	@echo 'The report is .build/demo.html: open it in a browser.'

test: setup
	$(SWIFT) test -j 2
	@{ $(HAS_BROWSER); } >/dev/null || \
	  echo 'skipped: the tests of pages in a browser (no Chromium; make setup-browser installs it)'

install: build
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(MAN_PAGES)' '$(BASH_COMPLETIONS)' '$(ZSH_COMPLETIONS)' '$(FISH_COMPLETIONS)'
	install -m 755 .build/release/ettools '$(DESTDIR)$(PREFIX)/bin/ettools'
	strip '$(DESTDIR)$(PREFIX)/bin/ettools'
	for tool in $(TOOLS); do ln -sf ettools '$(DESTDIR)$(PREFIX)/bin/'$$tool || exit 1; done
	install -m 644 man/*.1 '$(MAN_PAGES)/'
	for tool in etdump etrun; do \
	  .build/release/ettools $$tool --generate-completion-script bash >'$(BASH_COMPLETIONS)/'$$tool && \
	  .build/release/ettools $$tool --generate-completion-script zsh >'$(ZSH_COMPLETIONS)/_'$$tool && \
	  .build/release/ettools $$tool --generate-completion-script fish >'$(FISH_COMPLETIONS)/'$$tool.fish || exit 1; done

uninstall:
	for tool in ettools $(TOOLS); do rm -f '$(DESTDIR)$(PREFIX)/bin/'$$tool; done
	for page in $(notdir $(wildcard man/*.1)); do rm -f '$(MAN_PAGES)/'$$page; done
	for tool in etdump etrun; do \
	  rm -f '$(BASH_COMPLETIONS)/'$$tool '$(ZSH_COMPLETIONS)/_'$$tool '$(FISH_COMPLETIONS)/'$$tool.fish; done

bench: build
	python3 Tests/Bench/bench.py .build/release/ettools $(VENV)

fuzz: setup
	for target in $(basename $(notdir $(wildcard Tests/Fuzz/*.swift))); do \
	  Tests/Fuzz/fuzz.sh $$target $(SECONDS_EACH) || exit 1; done

fixtures:
	@[ -n "$(VENV)" ] || { echo 'VENV=dir: a Python with Fixtures/generate/requirements.txt' >&2; exit 64; }
	$(VENV)/bin/python Fixtures/generate/generate.py
	$(VENV)/bin/python Fixtures/generate/calls.py
	$(VENV)/bin/python Fixtures/generate/corpus.py
	Fixtures/generate/native/build-and-run.sh $(VENV)

fixtures-large:
	@[ -n "$(VENV)" ] || { echo 'VENV=dir: a Python with Fixtures/generate/requirements.txt' >&2; exit 64; }
	$(VENV)/bin/python Fixtures/generate/generate.py --large

# Formatting is counted; STRICT=1 refuses it.
check: setup
	@if command -v python3 >/dev/null; then python3 Tests/Check/imports.py; else echo 'imports: not checked (python3 is missing)'; fi
	@if command -v mandoc >/dev/null; then mandoc -T lint -W warning man/*.1 && echo 'man pages: no warnings from mandoc'; \
	  else echo 'man pages: not linted (mandoc is missing)'; fi
	@Tests/Check/man.sh
	@if ! $(SWIFT) format --version >/dev/null 2>&1; then echo 'format: not checked (swift format is missing)'; exit 0; fi; \
	said=$$($(SWIFT) format lint $(if $(STRICT),--strict) -r -p Package.swift Sources Tests 2>&1); status=$$?; \
	[ $$status = 0 ] || printf '%s\n' "$$said"; \
	echo "format: $$(printf '%s' "$$said" | grep -c ': warning:\|: error:') places differ from .swift-format ($(SWIFT) format lint -r Package.swift Sources Tests)"; \
	exit $$status

clean:
	rm -rf .build
