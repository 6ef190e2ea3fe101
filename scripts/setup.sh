#!/bin/sh
# Make .venv hold exactly requirements.txt (Python 3.11, every file checked against its hash).
# Run by `make setup`, which skips it while .venv/.stamp is newer than the lock and this script.
# Safe to interrupt: until the last line, .venv/.incomplete says that the next run starts afresh.
set -eu

unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $1" >&2
    exit 1
}

# A pyenv shim exists for each version that pyenv knows and fails for those not selected, so ask each candidate.
is_python_3_11() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in python3.11 python3 python "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.11.*/bin/python; do
        if is_python_3_11 "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 is missing (no other version has all packages of the lock): install it so that python3.11 is on PATH, for example with 'apt-get install python3.11 python3.11-venv', 'brew install python@3.11' or 'pyenv install 3.11', then run make again."
}

make_environment() {
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "$python has no venv module: install it, for example with 'apt-get install python3.11-venv', then run make again."
    echo "setup: making .venv with $("$python" --version): downloads several GB, which takes a minute or ten"
    rm -rf .venv
    mkdir .venv
    touch .venv/.incomplete
    "$python" -m venv .venv
}

# pip installs only the installer, at the version and hashes that the lock names for it.
install_uv() {
    awk '/^uv==/ {found = 1} found {print} found && !/\\$/ {exit}' requirements.txt >.venv/uv.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.txt
}

if [ -e .venv/.incomplete ] || ! is_python_3_11 .venv/bin/python; then
    make_environment
fi
rm -f .venv/.stamp
touch .venv/.incomplete
pinned=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.txt)
[ -n "$pinned" ] || fail "requirements.txt pins no uv: run 'git checkout requirements.txt'."
case "$(.venv/bin/python -m uv --version 2>/dev/null || true) " in
    "uv $pinned "*) ;;
    *) install_uv ;;
esac
.venv/bin/python -m uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.txt
touch .venv/.stamp
rm .venv/.incomplete
echo "setup: .venv is up to date"
