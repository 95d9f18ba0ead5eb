#!/usr/bin/env bash
# Builds the site of the documentation; a warning is an error.
# Usage: .dev_scripts/docs.sh [build | serve]  (PYTHON=python3.11 chooses one)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-docs
if [[ ! requirements/docs.txt -ot $venv/.ready ]]; then
  rm -rf "$venv"
  python=${PYTHON:-python3}
  # a name may stand for a version manager that has switched it off
  if [[ -z ${PYTHON:-} ]] && python3.11 -c pass 2>/dev/null; then
    python=python3.11
  fi
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check \
    -r requirements/docs.txt
  touch "$venv/.ready"
fi

# silences the theme's advertisement of another program
export NO_MKDOCS_2_WARNING=1
if [[ ${1:-build} == serve ]]; then
  exec "$venv/bin/mkdocs" serve
fi
# without --quiet, which would hide warnings from --strict
"$venv/bin/mkdocs" build --strict --clean
echo 'built work_dirs/site/index.html'
