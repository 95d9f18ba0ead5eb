#!/usr/bin/env bash
# Wraps g++ to compile mmcv's operators in a quarter of the time.
#
# Most of the compilation of each of mmcv's files goes to the same torch
# headers. mmcv asks for C++17, with which torch >= 2.14 no longer compiles.
# This wrapper asks for C++20, leaves debug symbols and warnings out, and
# pre-compiles the shared header once, with the flags of the first call.
# MMCV_STD: the standard in place of c++20.
# MMCV_PCH: an empty folder for the pre-compiled header.
set -euo pipefail

args=()
for arg in "$@"; do
  [[ $arg == -std=c++17 ]] && arg=-std=${MMCV_STD:-c++20}
  args+=("$arg")
done
[[ " ${args[*]} " == *" -c "* ]] || exec g++ "${args[@]}"

header=$MMCV_PCH/pytorch_cpp_helper.hpp
flags=()  # the flags of this call without its input and output
take=1
for arg in "${args[@]}"; do
  if ((take == 0)); then take=1; continue; fi
  case $arg in
    -c | -o | -MF) take=0 ;;
    -MMD | -MD | *.cpp) ;;
    *) flags+=("$arg") ;;
  esac
done
(
  flock 9
  if [[ ! -e $header.gch ]]; then
    include=$(printf '%s\n' "${flags[@]}" | sed -n 's/^-I//p' |
      while read -r dir; do
        find "$dir" -maxdepth 1 -name pytorch_cpp_helper.hpp
      done | head -n 1)
    cp "$include" "$header"
    g++ "${flags[@]}" -w -g0 -x c++-header "$header" -o "$header.gch.part"
    mv "$header.gch.part" "$header.gch"
  fi
) 9>"$MMCV_PCH/lock"
exec g++ -include "$header" "${args[@]}" -w -g0
