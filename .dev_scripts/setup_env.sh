#!/usr/bin/env bash
# Sets up .venv: the pinned CPU environment of `make demo` and `make test`.
# Usage: .dev_scripts/setup_env.sh  (PYTHON=python3.12 chooses the interpreter)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
log=$PWD/setup.log
steps=6
step=0
SECONDS=0

die() {
  echo "error: $*" >&2
  exit 1
}

run() {  # run DESCRIPTION COMMAND...: runs and times a set-up step
  local start=$SECONDS
  step=$((step + 1))
  printf '[%d/%d] %s ... ' "$step" "$steps" "$1"
  if ! "${@:2}" >>"$log" 2>&1; then
    echo 'failed'
    tail -n 25 "$log" >&2
    die "set-up step $step failed; the whole log is in $log"
  fi
  echo "$((SECONDS - start)) s"
}

# mmcv 2.1.0 cannot be built with 3.13: its set-up does not find its version
fits() {  # fits PYTHON: succeeds if the pinned set installs with it
  "$1" -c 'import sys; sys.exit(not sys.version_info[:2] in ((3, 11), (3, 12)))' \
    2>/dev/null
}

choose_python() {
  local python told
  if [[ -n ${PYTHON:-} ]]; then
    told=$("$PYTHON" -c pass 2>&1) || die "PYTHON (=$PYTHON) does not run" \
      "(${told%%$'\n'*}): name another or leave it out"
    fits "$PYTHON" || die "PYTHON (=$PYTHON) must be Python 3.11 or 3.12:" \
      "name another or leave it out"
    command -v "$PYTHON"
    return
  fi
  for python in python3.11 python3.12 python3; do
    if fits "$python"; then
      command -v "$python"
      return
    fi
  done
  die 'no Python 3.11 or 3.12 was found: install one, or name it with' \
    '`make PYTHON=/path/to/python3 ...`'
}

# `run` tests the status of these functions, which switches `set -e` off in
# them: hence the &&

make_venv() {
  rm -rf "$venv" &&
    "$python" -m venv "$venv" &&
    "$venv/bin/pip" install --no-deps -r requirements/build.txt
}

build_mmcv() {  # leaves the wheel in $wheels
  mkdir "$tmp/pch" &&
    MMCV_PCH=$tmp/pch CXX=$PWD/.dev_scripts/mmcv_cxx.sh MMCV_WITH_OPS=1 \
      FORCE_CUDA=0 CUDA_VISIBLE_DEVICES= MAX_JOBS=$(nproc) \
      PATH=$PWD/$venv/bin:$PATH \
      "$venv/bin/pip" wheel --no-build-isolation --no-deps --no-binary mmcv \
      --no-cache-dir -v -w "$tmp" -r requirements/mmcv.txt &&
    mkdir -p "$wheels" &&
    cp "$tmp"/mmcv-*.whl "$wheels/.part.$$" &&
    mv "$wheels/.part.$$" "$wheels/$(basename "$tmp"/mmcv-*.whl)"
}

install_mmcv() {
  { compgen -G "$wheels/mmcv-*.whl" || build_mmcv; } &&
    "$venv/bin/pip" install --no-deps "$wheels"/mmcv-*.whl
}

check() {
  "$venv/bin/python" -c '
import mmdet.models, mmengine, mmpretrain.models, mmseg.models, mmrep
from mmcv.ops import nms, roi_align
print(mmrep.__version__)'
}

python=$(choose_python)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for tool in g++ make; do
  command -v "$tool" >/dev/null || die "$tool was not found: install it first"
done
: >"$log"
versions=$(cat requirements/{torch,mmcv}.txt | grep -v '^#' | sort | tr -d '\n')
tag=$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])')
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/mmrep/$tag-$(uname -m)-$versions

run "make $venv with $python" make_venv
run 'install PyTorch' "$venv/bin/pip" install -r requirements/torch.txt \
  -c requirements/lock.txt
if compgen -G "$wheels/mmcv-*.whl" >/dev/null; then
  run "install mmcv (built earlier, from $wheels)" install_mmcv
else
  run 'build and install mmcv (about 3 minutes on 2 cores)' install_mmcv
fi
run 'install mmengine, mmdet, mmsegmentation, mmpretrain and the test tools' \
  "$venv/bin/pip" install --no-deps -r requirements/lock.txt
run 'install mmrep (editable)' \
  "$venv/bin/pip" install --no-deps --no-build-isolation -e .
run 'import everything once' check
touch "$venv/.ready"
echo "$venv is ready after $SECONDS s"
