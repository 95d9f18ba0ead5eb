#!/usr/bin/env bash
# Runs the test suite with other versions than .venv's, in a venv of its own.
# Usage: .dev_scripts/run_suite_with.sh SET [arguments of pytest]
# SET: forks or torch21, a file of requirements/. Each of its lines replaces
# the line of the same package, or of the one behind `# for`, in the default
# set.
set -euo pipefail
cd "$(dirname "$0")/.."

set=${1:-}
changes=requirements/$set.txt
venv=work_dirs/venv-$set
if [[ -z $set || ! -f $changes ]]; then
  echo "error: no $changes: name a set, forks or torch21" >&2
  exit 2
fi
shift

pins() {  # pins NAMES [-v]: prints the set's lines of these packages, or all others
  grep -E "${@:2}" "^($1)==" "$venv/set.txt"
}

merge() {  # prints the default set with the changes in place
  local replaced
  replaced=$(sed -nE -e 's/.*# for //p' -e 's/^([^#=]+)==[^#]*$/\1/p' \
    "$changes" | paste -sd '|')
  grep -hvE "^(#|($replaced)==)" requirements/{torch,mmcv,lock}.txt
  grep -v '^#' "$changes" | sed 's/ *#.*//'
}

install_mmcv() {  # builds mmcv; pip's cache would mix up versions of torch
  mkdir "$tmp/pch"
  MMCV_PCH=$tmp/pch MMCV_STD=$1 CXX=$PWD/.dev_scripts/mmcv_cxx.sh \
    MMCV_WITH_OPS=1 FORCE_CUDA=0 CUDA_VISIBLE_DEVICES= MAX_JOBS=$(nproc) \
    PATH=$PWD/$venv/bin:$PATH "$venv/bin/pip" install --no-deps \
    --no-build-isolation --no-binary mmcv,onedl-mmcv --no-cache-dir \
    "$(pins '(onedl-)?mmcv')"
}

if [[ ! -e $venv/.ready || $changes -nt $venv/.ready ]]; then
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  rm -rf "$venv"
  "${PYTHON:-python3.11}" -m venv "$venv"
  merge >"$venv/set.txt"
  "$venv/bin/pip" install --no-deps -r requirements/build.txt
  pins 'torch|torchvision|numpy' >"$venv/torch.txt"
  "$venv/bin/pip" install -r "$venv/torch.txt"
  # before mmcv, because the fork's set-up imports some of these
  pins 'torch|torchvision|numpy|(onedl-)?mmcv' -v >"$venv/rest.txt"
  "$venv/bin/pip" install --no-deps --no-build-isolation -r "$venv/rest.txt"
  # torch's headers need C++20 from 2.14 on
  case $(pins torch) in
    torch==2.[0-9].* | torch==2.1[0-3].*) install_mmcv c++17 ;;
    *) install_mmcv c++20 ;;
  esac
  "$venv/bin/pip" install --no-deps --no-build-isolation -e .
  touch "$venv/.ready"
fi
OMP_NUM_THREADS=1 "$venv/bin/python" -m pytest tests -n 4 "$@"
