#!/bin/sh
# Every option of the program stands in its man page, and every option of the man page in the program.
set -eu
cd "$(dirname "$0")/../.."
program=.build/release/ettools
[ -x "$program" ] || program=.build/debug/ettools
[ -x "$program" ] || { echo "man pages: not compared with the options (build first)"; exit 0; }
status=0
for tool in inspect check cat; do "$program" etdump "$tool" --help; done |
  grep -o -- '--[a-z][a-z-]*' | grep -v -x -e --version -e --help | sort -u >/tmp/ettools-options.$$
for option in $(cat /tmp/ettools-options.$$); do
  grep -q -e "Fl -${option#--}\b" man/etdump.1 || { echo "man/etdump.1 lacks $option"; status=1; }
done
for option in $(grep -o 'Fl -[a-z][a-z-]*' man/etdump.1 | sed 's/Fl -/--/' | sort -u); do
  case $option in --help | --version | --generate-completion-script) continue ;; esac
  grep -q -x -e "$option" /tmp/ettools-options.$$ || { echo "man/etdump.1 describes $option, which does not exist"; status=1; }
done
rm -f /tmp/ettools-options.$$
[ $status = 0 ] && echo "man pages: options agree"
exit $status
