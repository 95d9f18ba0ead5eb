# Sourced by lint.sh and docs.sh: makes the environment of a tool.

tool_env() {  # tool_env NAME: makes .venv-NAME of requirements/NAME.txt
  local venv=.venv-$1 list=requirements/$1.txt python=${PYTHON:-python3}
  if [[ ! $list -ot $venv/.ready ]]; then
    rm -rf "$venv"
    # a name may stand for a version manager that has switched it off
    if [[ -z ${PYTHON:-} ]] && python3.11 -c pass 2>/dev/null; then
      python=python3.11
    fi
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --no-deps --disable-pip-version-check \
      -r "$list"
    touch "$venv/.ready"
  fi
}
