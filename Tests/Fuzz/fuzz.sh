#!/bin/bash
# Fuzzes one reader: Tests/Fuzz/fuzz.sh TARGET SECONDS [libFuzzer's options…]
#
# TARGET is a file beside this script. Its first lines say what it is made of:
#   // modules: folders of Sources/ that it needs, in the order of their imports
#   // sources: more Swift files, compiled into the target itself
#   // seeds:   how the names of the fixtures that it starts from end (.zst is decompressed, where the target is not .zst's);
#               `operators`: a program of each operator, from the corpus
# What is found lies in .build/fuzz/TARGET/findings; `fuzz.sh TARGET 0 FILE` repeats one. What is mended
# goes to Tests/Fuzz/corpus/TARGET, where the tests and the next run take it from.
#
# COVERAGE=1 repeats what a target has found so far and adds the lines that it reaches to .build/fuzz-coverage/profile.
set -euo pipefail

target=${1:?usage: fuzz.sh TARGET SECONDS [options]}
seconds=${2:?usage: fuzz.sh TARGET SECONDS [options]}
shift 2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source=$here/$target.swift
[ -f "$source" ] || { echo "fuzz.sh: no $source" >&2; exit 64; }

build=$root/.build/fuzz${COVERAGE:+-coverage}
work=$build/$target
found=$root/.build/fuzz/$target/corpus
mkdir -p "$build/modules" "$found" "$work/seeds" "$work/findings"

words() { sed -n "s|^// $1: *||p" "$source" | tr '\n' ' '; }
cxx=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang++
swift_flags=(-parse-as-library -O -g -swift-version 6 -package-name ettools -sanitize=fuzzer,address
  -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature MemberImportVisibility
  -enable-upcoming-feature ExistentialAny -I "$build/modules")
[ -z "${COVERAGE:-}" ] || swift_flags+=(-profile-generate -profile-coverage-mapping)

objects=()
for module in $(words modules); do
  folder=$root/Sources/$module
  if [ -f "$folder/module.modulemap" ]; then  # a system library
    swift_flags+=(-I "$folder")
  elif [ -d "$folder/include" ]; then  # C or C++ behind a C header
    swift_flags+=(-I "$folder/include")
    if [ ! -f "$folder/include/module.modulemap" ]; then  # as the package manager makes it
      mkdir -p "$build/modules/$module"
      echo "module $module { umbrella \"$folder/include\" export * }" >"$build/modules/$module/module.modulemap"
      swift_flags+=(-I "$build/modules/$module")
    fi
    for file in "$folder"/*.c "$folder"/*.cpp; do
      [ -f "$file" ] || continue
      object=$build/modules/$module-$(basename "$file").o
      [ "$object" -nt "$folder" ] && [ "$object" -nt "$file" ] ||
        "${cxx%$([[ $file = *.c ]] && echo ++)}" $([[ $file = *.c ]] || echo -std=c++17) -O1 -g -fsanitize=address,fuzzer-no-link -I "$folder/include" -c "$file" -o "$object"
      objects+=("$object")
    done
  else
    object=$build/modules/$module.o
    generated=()
    if [ "$module" = Presentation ]; then  # as the package's plugin makes it
      swiftc -o "$build/embed-templates" "$root/Sources/EmbedTemplates/Tool/main.swift"
      generated=("$build/Templates.swift")
      find "$root/Templates" -type f -name '*.*' -print0 | sort -z | xargs -0 "$build/embed-templates" "${generated[@]}" "$root/Templates"
    fi
    if [ ! "$object" -nt "$folder" ] || [ -n "$(find "$folder" -name '*.swift' -newer "$object")" ]; then
      find "$folder" -name '*.swift' -print0 | sort -z | xargs -0 swiftc "${swift_flags[@]}" "${generated[@]}" -wmo -module-name "$module" \
        -emit-module -emit-module-path "$build/modules/$module.swiftmodule" -c -o "$object"
    fi
    objects+=("$object")
  fi
done

# shellcheck disable=SC2046 # the names have no spaces
(cd "$root" && swiftc "${swift_flags[@]}" -module-name "fuzz_$target" -o "$work/fuzz" "$source" $(words sources) \
  "${objects[@]}" -lstdc++ 2>&1 | grep -v 'Cannot export local symbol' || true)

for ending in $(words seeds); do
  if [ "$ending" = operators ]; then
    (cd "$root" && swift run -j 2 corpus --programs "$work/seeds")
    continue
  fi
  find "$root/Fixtures" "$root/Tests/ETFormatsTests/Files" \( -name "*$ending" -o -name "*$ending.zst" \) -size -256k -not -path '*/generate/*' | while read -r file; do
    seed=$work/seeds/$(echo "${file#"$root/"}" | tr / -)
    case $ending,$file in
      .zst,*) cp -f "$file" "$seed" ;;
      *.zst) zstd -dcqf "$file" >"$seed" ;;
      *) cp -f "$file" "$seed" ;;
    esac
  done
done
find "$work/seeds" -size +63k -delete
folders=("$found" "$work/seeds")
[ -d "$here/corpus/$target" ] && folders+=("$here/corpus/$target")

# The backtracer hangs at the first crash and outlives its process.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
if [ -n "${COVERAGE:-}" ]; then
  LLVM_PROFILE_FILE=$work/found.profraw "$work/fuzz" -runs=0 -timeout=20 -rss_limit_mb=4096 -max_len=65536 "${folders[@]}" 2>&1 | tail -1
  tools=$(dirname "$cxx")
  "$tools/llvm-profdata" merge -o "$build/profile" "$build"/*/found.profraw
  "$tools/llvm-cov" report "$work/fuzz" -instr-profile "$build/profile" "$root/Sources/ETFormats" "$root/Sources/ETRuntime"
  exit
fi
if [ "$seconds" = 0 ]; then exec "$work/fuzz" "$@"; fi
echo "fuzz.sh: $target for $seconds s"
timeout -s KILL $((seconds + 120)) "$work/fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
  -artifact_prefix="$work/findings/" -print_final_stats=1 "$@" "${folders[@]}" 2>&1 |
  grep -E '^(==|SUMMARY|Fatal|.*[Ff]atal error|stat::|artifact_prefix|Test unit|Done|#[0-9]+.*DONE)' || true
if [ -n "$(ls -A "$work/findings")" ]; then
  echo "fuzz.sh: $target: findings in $work/findings" >&2
  exit 1
fi
