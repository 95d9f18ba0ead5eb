#!/usr/bin/env bash
# Builds the site of the documentation; a warning is an error.
# Usage: .dev_scripts/docs.sh [build | serve]  (PYTHON=python3.11 chooses one)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-docs
source .dev_scripts/tool_env.sh
tool_env docs

# silences the theme's advertisement of another program
export NO_MKDOCS_2_WARNING=1
if [[ ${1:-build} == serve ]]; then
  exec "$venv/bin/mkdocs" serve
fi
# without --quiet, which would hide warnings from --strict
"$venv/bin/mkdocs" build --strict --clean
echo 'built work_dirs/site/index.html'
