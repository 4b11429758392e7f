# make | make check | sudo make test | make lint | make install DESTDIR=/tmp/x PREFIX=/usr
# sudo make demo | make test-vm | make fuzz
# make O=out SAN=thread check: a build tree of its own for every set of sanitizers
O       ?= build
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DIRS    := pkg engine runconfig events registry networkdriver execdriver execdriver/native \
           graphdriver volumes graph daemon builder api api/server api/client builtins
VERSION := $(shell cat VERSION)
GITCOMMIT := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
BUILDTIME := $(shell git log -1 --format=%cI 2>/dev/null)

ifdef SAN
comma   := ,
override O := $(O)-$(subst $(comma),-,$(SAN))
SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer
endif
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
DEFS    := -std=gnu11 -D_GNU_SOURCE -I.
ALL_CFLAGS := $(DEFS) -pthread -ffunction-sections -fdata-sections $(WARN) $(SANFLAGS) $(CFLAGS)

# Libraries are linked statically where the distribution has an archive: a dynamic start costs a
# millisecond for every few of them. libcurl is loaded when first used.
STATIC_LIBS := -levent_core -levent_pthreads -ljansson -lseccomp -lcap -lz -lzstd -lcrypto
ALL_LDLIBS := -Wl,--gc-sections -Wl,-Bstatic $(STATIC_LIBS) -Wl,-Bdynamic -ldl $(LDLIBS)

# dockerinit runs beside every container: musl keeps it at a tenth of the memory.
INITCC  ?= musl-gcc
INIT_CFLAGS := $(DEFS) -Os -g $(WARN) -ffunction-sections -fdata-sections \
           -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu
INIT_PKG := mem error buf strlist fs sock netlink netlink_route netlink_vlan nft dns path user
INIT_SRCS := $(wildcard dockerinit/*.c) $(wildcard $(INIT_PKG:%=pkg/%.c))
INIT_OBJS := $(INIT_SRCS:%.c=$(O)/init/%.o)

SRCS    := $(wildcard $(addsuffix /*.c,$(DIRS)))
OBJS    := $(SRCS:%.c=$(O)/%.o) $(O)/dockerinit/plan.o $(O)/dockerinit/embed.o
TESTS   := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/test_*.c))
HDRS    := $(wildcard $(addsuffix /*.h,$(DIRS) dockerinit))

all: $(O)/docker

$(O)/docker: $(O)/docker.o $(O)/libdocker.a
	$(CC) -pthread $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LDLIBS)
$(O)/libdocker.a: $(OBJS)
	@rm -f $@
	$(AR) rcsP $@ $^
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libdocker.a
	$(CC) -pthread $(SANFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(ALL_LDLIBS)
$(O)/tests/integration/%: $(O)/tests/integration/%.o $(O)/libdocker.a
	$(CC) -pthread $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LDLIBS)
$(O)/builtins/version.o: ALL_CFLAGS += -DVERSION='"$(VERSION)"' -DGITCOMMIT='"$(GITCOMMIT)"'
$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The helper is built on its own and carried inside the one binary.
$(O)/init/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(INITCC) $(INIT_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/dockerinit.bin: $(INIT_OBJS)
	$(INITCC) -static -s -Wl,--gc-sections -o $@ $^
$(O)/dockerinit/embed.o: $(O)/dockerinit.bin
	@mkdir -p $(@D)
	printf '.section .rodata\n.global dockerinit_start, dockerinit_end\n.balign 16\ndockerinit_start:\n.incbin "$<"\ndockerinit_end:\n.section .note.GNU-stack,"",@progbits\n' | $(CC) -x assembler -c -o $@ -

# A new commit is compiled in, though no file of ours has changed.
$(O)/builtins/version.o: ALL_CFLAGS += -DBUILDTIME='"$(BUILDTIME)"'
$(O)/builtins/version.o: $(O)/commit-$(GITCOMMIT)
$(O)/commit-%:
	@mkdir -p $(@D)
	@rm -f $(O)/commit-* && touch $@

check: lint unit
unit: $(TESTS)
	@tests/run-units.sh $(TESTS)
lint: headers
	@tests/lint/layers.sh && tests/lint/sizes.sh && tests/lint/format.sh
headers:
	@for h in $(HDRS); do $(CC) $(ALL_CFLAGS) -fsyntax-only -x c $$h || exit 1; done

# All tests that need no virtual machine: units, then scripts that drive the binary (as root).
SCRIPTS := $(filter-out %/lib.sh %/netlib.sh %/network_lib.sh %/mkbusybox.sh,$(wildcard tests/integration/*.sh))
CLIENTS := $(patsubst %.c,$(O)/%,$(wildcard tests/integration/*_client.c))
test: deps
	@echo "building (make V=1 shows how)"; $(MAKE) $(if $(V),,-s) --no-print-directory all $(TESTS) $(CLIENTS)
	@tests/run-all.sh $(O) --units $(TESTS) --scripts $(SCRIPTS)
integration: all $(CLIENTS)
	@tests/run-all.sh $(O) --scripts $(SCRIPTS)
test-vm: all
	tests/vm/run.sh $(O)/docker
demo: deps
	@echo "building"; $(MAKE) $(if $(V),,-s) --no-print-directory all
	@contrib/demo.sh $(O)/docker
# tests/fuzz/run.sh NAME goes on for longer with one of them
fuzz:
	@for f in tests/fuzz/fuzz_*.c; do n=$${f##*/fuzz_}; tests/fuzz/run.sh $${n%.c} || exit 1; done
deps:
	@contrib/deps.sh build test
deps-vm:
	@contrib/deps.sh build vm

UNITDIR ?= $(PREFIX)/lib/systemd/system
MANDIR  ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
install: all
	install -D -s -m 0755 $(O)/docker $(DESTDIR)$(BINDIR)/docker
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@BINDIR@|$(BINDIR)|' contrib/systemd/docker.service >$(DESTDIR)$(UNITDIR)/docker.service
	install -m 0644 contrib/systemd/docker.socket $(DESTDIR)$(UNITDIR)/docker.socket
	for f in $(wildcard docs/man/*.1); do install -D -m 0644 $$f $(DESTDIR)$(MANDIR)/man1/$${f##*/} || exit 1; done
	for f in $(wildcard contrib/completion/bash/docker); do install -D -m 0644 $$f $(DESTDIR)$(COMPDIR)/docker || exit 1; done
clean:
	rm -rf $(O)
.PHONY: all check unit lint headers install clean test integration test-vm demo fuzz deps deps-vm
.SECONDARY:
-include $(OBJS:.o=.d) $(INIT_OBJS:.o=.d) $(O)/docker.d $(TESTS:=.d)
