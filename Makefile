# PGXS build: make, make install, make installcheck. PG_CONFIG chooses the server.
PG_CONFIG ?= pg_config

EXTENSION  = roughly_auth
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)
MODULE_big = $(EXTENSION)
SOURCES    = $(shell cat src/sources.list)
OBJS       = $(SOURCES:%.cpp=src/%.o)

EXTENSION_SCRIPT = sql/install/$(EXTENSION)--$(EXTVERSION).sql
DATA           = $(wildcard sql/upgrade/*--*--*.sql)
DATA_built     = $(EXTENSION_SCRIPT)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror

PG_CPPFLAGS = -I$(CURDIR)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden $(WARNINGS) $(EXTRA_CXXFLAGS)
SHLIB_LINK  = -lsodium -lcrypto -lcrypt -lstdc++ -Wl,--version-script=$(CURDIR)/src/exports.map $(EXTRA_LDFLAGS)

EXTRA_CLEAN = $(EXTENSION_SCRIPT) src/core/iso_3166_1.inc src/core/iso_3166_2.inc results regression.diffs regression.out

# Bitcode buys nothing here: crypto is never inlined into expressions, and PGXS compiles %.bc from C++ without
# PG_CXXFLAGS. `override`, since Makefile.global sets it again.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.hpp src/*/*.hpp)
$(EXTENSION).so: src/exports.map

src/core/iso_codes.o: src/core/iso_3166_1.inc src/core/iso_3166_2.inc
src/core/iso_3166_%.inc: script/iso-codes
	script/iso-codes $* > $@.new && mv $@.new $@

$(EXTENSION_SCRIPT): $(sort $(wildcard sql/install/[0-9]*.sql))
	cat $^ > $@
