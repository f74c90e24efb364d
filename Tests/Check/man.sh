#!/bin/sh
# Every option of a tool stands in its man page, and every option of the man page in the tool.
set -eu
cd "$(dirname "$0")/../.."
program=.build/release/ettools
[ -x "$program" ] || program=.build/debug/ettools
[ -x "$program" ] || { echo "man pages: not compared with the options (build first)"; exit 0; }
status=0

help_of() {
  case $1 in
    etdump) for tool in inspect flame diff export check cat; do "$program" etdump "$tool" --help; done ;;
    *) "$program" "$1" --help ;;
  esac
}

for page in man/*.1; do
  tool=$(basename "$page" .1)
  options=$(help_of "$tool" | grep '^ *-' | grep -o -- '--[a-z][a-z-]*' | grep -v -x -e --version -e --help | sort -u)
  for option in $options; do
    grep -q -e "Fl -${option#--}\b" "$page" || { echo "$page lacks $option"; status=1; }
  done
  for option in $(grep -o 'Fl -[a-z][a-z-]*' "$page" | sed 's/Fl -/--/' | sort -u); do
    case $option in --help | --version | --generate-completion-script) continue ;; esac
    printf '%s\n' $options | grep -q -x -e "$option" || { echo "$page describes $option, which does not exist"; status=1; }
  done
done
[ $status = 0 ] && echo "man pages: options agree"
exit $status
