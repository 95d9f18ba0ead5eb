#!/usr/bin/env bash
# Checks format, imports, names and docstrings; changes no file.
# Usage: .dev_scripts/lint.sh [FILE ...]  (PYTHON=python3.11 chooses one)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-lint
checked=(mmrep tools tests configs setup.py .dev_scripts/*.py)
(($#)) && checked=("$@")

source .dev_scripts/tool_env.sh
tool_env lint

failed=()
check() {  # check NAME COMMAND...: notes a failure, so that all checks run
  "${@:2}" || failed+=("$1")
}
check yapf "$venv/bin/yapf" --parallel --recursive --diff "${checked[@]}"
check isort "$venv/bin/isort" --quiet --check-only --diff "${checked[@]}"
check flake8 "$venv/bin/flake8" "${checked[@]}"
check docstrings "$venv/bin/python" .dev_scripts/check_docstrings.py \
  "${checked[@]}"
if ((${#failed[@]})); then
  echo "lint failed: ${failed[*]}" >&2
  exit 1
fi
echo 'lint passed: yapf, isort, flake8, docstrings'
