#!/bin/sh
# Records the native fixtures and the reference's answers to them.
#
#   Fixtures/generate/native/build-and-run.sh VENV [CASE…]
#
# VENV (or the variable VENV) is a Python environment with executorch==1.5.1, torch==2.13.0+cpu and zstandard.
# The program is compiled against the wheel's include/ and linked with its libraries; the clock is scripted,
# so the same wheel gives the same bytes. With CASE, records only those (answers are made anew for all).
set -eu
VENV=${1:-${VENV:-}}
[ $# -gt 0 ] && shift
[ -x "$VENV/bin/python" ] || { echo "usage: build-and-run.sh VENV" >&2; exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../../native" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wheel=$("$VENV/bin/python" -c 'import importlib.util as u; print(list(u.find_spec("executorch").submodule_search_locations)[0])')
for part in record values delegates; do
  ${CXX:-g++} -std=c++17 -O1 -Wall -Wextra -Wno-unused-parameter \
    -DET_EVENT_TRACER_ENABLED -DC10_USING_CUSTOM_GENERATED_MACROS \
    -isystem "$wheel/include" -isystem "$wheel/include/executorch/runtime/core/portable_type/c10" \
    -c "$here/$part.cpp" -o "$work/$part.o"
done
${CXX:-g++} "$work"/*.o -L"$wheel/lib" -lexecutorch_etdump -lexecutorch -Wl,-rpath,"$wheel/lib" -o "$work/record"
"$work/record" "$out" "$@"
[ -n "${NO_ANSWERS:-}" ] || "$VENV/bin/python" "$here/answers.py" "$out"
