# The two commands: make kvm-test sets up whatever is missing and runs the suite on real domains,
# make check runs the tests of kvmtest itself. make kvm-help lists the rest. Your own values of the
# variables go into Makefile.inc.local, see Makefile.inc.example.

-include Makefile.inc.local

.DEFAULT_GOAL := kvm-help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CMAKEFLAGS ?=
NINJAFLAGS ?=
PROGRAMS = kvmtest kvmtestd kvmtest-qemu kvmsh

# For make a quote is a character like any other. But a user who writes KVM_PREFIXES="a. b." in
# Makefile.inc.local means the shell's. Only the empty prefix, '' or "", keeps its quotes.
unquoted = $(subst @@,'',$(subst ",,$(subst ',,$(subst '',@@,$(subst "",@@,$(1))))))

# The older name of KVM_PREFIXES counts when it is given on the command line, whatever
# Makefile.inc.local says.
ifeq ($(origin KVM_PREFIX),command line)
ifneq ($(origin KVM_PREFIXES),command line)
KVM_PREFIXES = $(KVM_PREFIX)
endif
endif

KVM_PREFIXES := $(or $(KVM_PREFIXES),$(KVM_PREFIX))
# The commands read them all: whatever begins so, wherever it is set. Empty is as good as unset.
$(foreach name,$(filter-out KVM_PREFIX,$(sort KVM_PREFIXES $(filter KVM_%,$(.VARIABLES)))),\
	$(eval override $(name) := $$(call unquoted,$$($(name))))$(eval export $(name)))
unexport KVM_PREFIX

KVMTEST := $(BUILD)/bin/kvmtest
AS_ROOT := scripts/as-root

.PHONY: kvm-help kvm-test kvm-retest kvm-guest kvm-guest-uefi kvm-install kvm-uninstall kvm-status kvm-stop kvm-attach kvm-watch kvm-resume kvm-results kvm-diffs \
	bootstrap compiler build check deb check-layers check-locks asan tsan storm fuzz tidy format format-check bench release install clean

##@ Running suites

kvm-test: compiler build bootstrap kvm-guest ## set up what is missing, then run KVM_TESTS
	@$(AS_ROOT) $(KVMTEST) run $(KVM_TESTS)

kvm-retest: compiler build bootstrap kvm-guest ## run again those of KVM_TESTS that did not pass the last time
	@$(AS_ROOT) $(KVMTEST) run --skip passed $(KVM_TESTS)

kvmsh-%: compiler build bootstrap kvm-guest ## open a shell on a domain: make kvmsh-a.east (or ./kvmsh a.east)
	@$(AS_ROOT) $(BUILD)/bin/kvmsh $*

kvm-status: $(KVMTEST) ## tell what the daemon is doing
	@$(AS_ROOT) $(KVMTEST) status

kvm-stop: $(KVMTEST) ## stop the active run and destroy every domain that is up
	@$(AS_ROOT) $(KVMTEST) stop

kvm-attach: $(KVMTEST) ## follow the active run again
	@$(AS_ROOT) $(KVMTEST) attach

kvm-watch: $(KVMTEST) ## look on while a run goes on; control-C stops nothing
	@$(AS_ROOT) $(KVMTEST) watch

kvm-resume: $(KVMTEST) ## go on with the run that the daemon's end interrupted
	@$(AS_ROOT) $(KVMTEST) run --resume

kvm-results: $(KVMTEST) ## print the summary of the last run
	@$(KVMTEST) results

kvm-diffs: $(KVMTEST) ## how the output of the last run's tests differs from what was expected
	@$(KVMTEST) diffs || [ $$? = 1 ]

# The first time, minutes go to installing what the build needs, on one processor, and to the build,
# on all. Beside the former the default guest is made, unless settings may want another. Beside the
# latter the packages for running are installed.
first = $(if $(wildcard $(KVMTEST)),,$(1))
first_guest = $(if $(wildcard kvmtest.yaml)$(filter-out tiny,$(KVM_GUEST))$(KVM_GUEST_RELEASE),,scripts/guest/tiny .kvmtest/guest/tiny)
kvm-test kvm-retest kvm-install check bench: FIRST_GUEST = $(call first,$(first_guest))
kvm-test kvm-retest kvm-install check bench: FIRST_RUN = $(call first,scripts/bootstrap --beside run)

# What a user who may not install packages is told to ask for, at once.
kvm-test kvm-retest kvm-install bench: export KVMTEST_PACKAGES = build run guest
check: export KVMTEST_PACKAGES = build run guest guest-uefi check

##@ Setting up (kvm-test does each when needed)

bootstrap: ## install the Debian packages that are missing
	@scripts/bootstrap build run guest

compiler:
	@$(if $(FIRST_GUEST),scripts/bootstrap guest)
	@scripts/beside '$(FIRST_GUEST)' scripts/bootstrap build

build: $(BUILD)/build.ninja ## compile; also makes ./kvmtest and ./kvmsh
	@scripts/single-out $(BUILD)
	@scripts/beside '$(FIRST_RUN)' ninja -C $(BUILD) $(NINJAFLAGS) $(PROGRAMS)
	@[ -e $(BUILD)/first-build ] || touch $(BUILD)/first-build
	@[ kvmtest -ef $(KVMTEST) ] || ln -sfn $(KVMTEST) kvmtest
	@[ kvmsh -ef $(BUILD)/bin/kvmsh ] || ln -sfn $(BUILD)/bin/kvmsh kvmsh

$(BUILD)/build.ninja:
	@scripts/bootstrap build
	@echo "configuring $(BUILD)"
	@mkdir -p $(BUILD)
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(CMAKEFLAGS) \
		>$(BUILD)/configure.log 2>&1 || \
		{ grep '^kvmtest: missing' $(BUILD)/configure.log || cat $(BUILD)/configure.log; exit 1; }

# For commands that only ask: built when it is not there, else as it is.
$(KVMTEST):
	@$(MAKE) bootstrap build

# Only where the settings say that a guest of ours is booted. A user with images of their own needs
# none.
kvm-guest: build ## make the guest that domains.guest (KVM_GUEST) names
	@settings=$$($(KVMTEST) settings) || exit; \
	kernel=$$(echo "$$settings" | sed -n 's/^domains\.kernel *"\(.*\)"$$/\1/p'); \
	KVM_GUEST_RELEASE=$$(echo "$$settings" | sed -n 's/^domains\.release *"\(.*\)"$$/\1/p'); export KVM_GUEST_RELEASE; \
	release=$${KVM_GUEST_RELEASE:+-$$KVM_GUEST_RELEASE}; \
	case $$kernel in \
	*/guest/tiny$$release/kernel) scripts/guest/tiny "$${kernel%/kernel}" ;; \
	*/guest/debian$$release/kernel) scripts/bootstrap guest guest-debian && scripts/guest/debian "$${kernel%/kernel}" ;; \
	esac

kvm-guest-uefi: bootstrap ## make the Debian guest that boots by itself, for the templates of config/uefi
	@scripts/bootstrap guest guest-uefi && scripts/guest/debian --uefi .kvmtest/guest/debian-uefi$(addprefix -,$(KVM_GUEST_RELEASE))

kvm-install: compiler build bootstrap kvm-guest ## make the networks and define the domains of KVM_PREFIXES
	@$(AS_ROOT) $(KVMTEST) install

kvm-uninstall: $(KVMTEST) ## remove the domains and networks of KVM_PREFIXES, and end the daemon
	@$(AS_ROOT) $(KVMTEST) uninstall

##@ Working on kvmtest

# The tests want the guests that are there by default.
check: override KVM_GUEST :=
check: override KVM_GUEST_RELEASE :=
check: compiler build bootstrap kvm-guest kvm-guest-uefi ## run all tests: unit, scenarios, and on real domains
	@scripts/bootstrap check
	@cd $(BUILD) && ninja $(NINJAFLAGS)
	@scripts/run-tests $(BUILD)

check-layers: ## refuse an #include that crosses the layers the wrong way
	@scripts/check-layers

check-locks: ## tell where something that a lock guards is touched without it; needs clang
	@scripts/bootstrap fuzz
	@scripts/check-locks

asan tsan: bootstrap ## run unit tests and scenarios, checking addresses (asan) or threads (tsan)
	@$(MAKE) build-$@/build.ninja BUILD=build-$@ CMAKEFLAGS=-DKVMTEST_SANITIZE=$(if $(filter asan,$@),address,thread)
	@cd build-$@ && ../scripts/as-sanitized ninja $(NINJAFLAGS)
	@scripts/as-sanitized scripts/run-tests build-$@ --no-system

storm: bootstrap build kvm-guest ## STORM_RUNS random runs of the scheduler, and STORM_KILLS kills on real domains
	@cd $(BUILD) && ninja $(NINJAFLAGS) --quiet scenarios_test
	@KVMTEST_RANDOM_RUNS=$(or $(STORM_RUNS),100000) $(BUILD)/testing/scenarios/scenarios_test --gtest_brief=1 --gtest_filter='*RandomRuns*'
	@$(AS_ROOT) testing/system/storm --programs $(BUILD)/bin --rounds $(or $(STORM_KILLS),100) $(addprefix --seed ,$(STORM_SEED))

FUZZ_CMAKEFLAGS = -DKVMTEST_FUZZ=ON -DKVMTEST_SANITIZE=address,undefined -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang

fuzz: ## fuzz every parser with FUZZ_RUNS inputs, or those of FUZZ_TARGETS; needs clang
	@scripts/bootstrap fuzz
	@$(MAKE) build-fuzz/build.ninja BUILD=build-fuzz CMAKEFLAGS='$(FUZZ_CMAKEFLAGS)'
	@ninja -C build-fuzz $(NINJAFLAGS) --quiet fuzz
	@scripts/fuzz build-fuzz $(or $(FUZZ_RUNS),100000) $(FUZZ_TARGETS)

tidy: ## run clang-tidy
	@scripts/bootstrap quality
	@$(MAKE) build-tidy/build.ninja BUILD=build-tidy CMAKEFLAGS=-DKVMTEST_QUICK=OFF
	@ninja -C build-tidy $(NINJAFLAGS) --quiet generated
	@run-clang-tidy -quiet -p build-tidy '$(CURDIR)/(daemon|cli|testing)/'

format: ## format all sources with clang-format
	@scripts/format

format-check: ## tell where clang-format would change something
	@scripts/format --check

bench: bootstrap build kvm-guest ## run all benchmarks, of the daemon alone and on real domains
	@scripts/bootstrap bench
	@mkdir -p $(BUILD)/bench
	@cd $(BUILD) && ninja $(NINJAFLAGS) bench_daemon
	@$(BUILD)/bin/bench_daemon --benchmark_out=$(BUILD)/bench/daemon.json --benchmark_out_format=json
	@$(AS_ROOT) env BUILD=$(BUILD) testing/bench/suite --output $(BUILD)/bench/suite.json $(BENCH_SUITE)
	@for benchmark in scripts/bench/*; do $(AS_ROOT) env BUILD=$(BUILD) "$$benchmark" || exit; done
	@$(AS_ROOT) $(KVMTEST) doctor --measure

# What is installed is optimised, in a build directory of its own.
RELEASE = build-release
release: bootstrap
	@$(MAKE) $(RELEASE)/build.ninja BUILD=$(RELEASE) CMAKEFLAGS='$(CMAKEFLAGS) -DCMAKE_BUILD_TYPE=Release'

install: release ## make an optimised build and install it into $(DESTDIR)$(PREFIX)
	@cmake -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(RELEASE) >/dev/null && ninja -C $(RELEASE) $(NINJAFLAGS) $(PROGRAMS) package_files
	@DESTDIR=$(DESTDIR) cmake --install $(RELEASE) >$(RELEASE)/install.log || { cat $(RELEASE)/install.log; exit 1; }
	@echo "installed into $(DESTDIR)$(PREFIX)"

deb: release ## make a Debian package of it, in build-release
	@scripts/bootstrap package
	@cmake -DCMAKE_INSTALL_PREFIX=/usr -DKVMTEST_ZSHDIR=share/zsh/vendor-completions $(RELEASE) >/dev/null
	@ninja -C $(RELEASE) $(NINJAFLAGS) $(PROGRAMS) package_files
	@cd $(RELEASE) && cpack -G DEB >package.log || { cat package.log; exit 1; }
	@ls $(RELEASE)/kvmtest_*.deb

clean: ## remove what was built; runs and their results stay
	rm -rf build build-release build-asan build-tsan build-fuzz build-tidy kvmtest kvmsh

kvm-help: ## print this
	@echo 'make kvm-test sets up this machine and runs the suite; make check runs the tests of kvmtest itself.'
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z% -]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile
	@printf '\n%s\n' 'Variables, on the command line or in Makefile.inc.local (see Makefile.inc.example)'
	@printf '  %-18s %s\n' \
		KVM_WORKERS 'domains brought up at the same time (default: auto, as processors are idle)' \
		KVM_PREFIXES 'sets of domains, each runs one test at a time: "a. b." (default: auto)' \
		KVM_PREFIX 'older name of KVM_PREFIXES' \
		KVM_TESTS 'tests or directories of tests (default: testing/suites/netlab)' \
		KVM_URI 'libvirt, for example qemu:///system (default: its driver within the daemon)' \
		KVM_DOMAINS 'directory of domains that another set-up described (default: templates)' \
		KVM_ACCELERATOR 'auto, kvm or emulated (default: auto)' \
		KVM_NETWORK 'own, or host: among the interfaces of this machine, as root (default: own)' \
		KVM_SSH 'off, or the network over which domains are reached by SSH (default: mgmt)' \
		KVM_RESET 'snapshot, auto or boot (default: snapshot)' \
		KVM_SPARES 'true or false: make the next reset ready during a test (default: true)' \
		KVM_MAX_FAIL 'begin no further test when so many did not pass (default: 0, however many)' \
		KVM_REQUIRE_SOME 'true or false: a run whose tests are all unsupported fails (default: false)' \
		KVM_GUEST 'tiny, or debian: Debian with systemd (default: tiny)' \
		KVM_GUEST_RELEASE "the guest's Debian release, bookworm or trixie (default: this machine's)" \
		KVM_GUEST_PACKAGES 'further packages in the Debian guest: "libreswan strace"' \
		KVM_GUEST_TREE "directory whose files are laid over those of the Debian guest" \
		KVM_SUDO 'yes: run as root (default: for KVM_NETWORK=host alone); no: never sudo' \
		STORM_RUNS 'random runs of the scheduler, for make storm (default: 100000)' \
		STORM_KILLS 'its rounds on real domains (default: 100)' \
		STORM_SEED 'the seed of those (default: a new one)' \
		BENCH_SUITE 'options of testing/bench/suite, for make bench' \
		FUZZ_RUNS 'inputs for each target of make fuzz (default: 100000)' \
		FUZZ_TARGETS 'its targets (default: all, see testing/fuzz)' \
		'DESTDIR, PREFIX' 'where to install (default: /usr/local)'
