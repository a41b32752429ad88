#!/bin/sh
# Builds the wheel, installs it with what it asks for and nothing else into an environment of its own, and tries it there, away
# from the sources. PYTHON: the interpreter that makes the environment. pip's usual configuration decides where packages come from.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
root=$PWD
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
# neither another copy of the package nor the packages of the user may help
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 MPLBACKEND=agg OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

"$PYTHON" -m venv "$place/env"
bin=$place/env/bin
# setuptools takes over what an earlier build has left, also modules that are gone by now
rm -rf build/lib build/bdist.* build/wheel
echo "Building the wheel into build/wheel"
"$bin/pip" wheel -qq . --no-deps -w build/wheel
set -- build/wheel/memnb-*.whl
echo "Installing $1 into an environment of its own"
"$bin/pip" install -qq -c constraints.txt torch "$root/$1"
cd "$place"
"$bin/python" "$root/tools/check_wheel.py" "$root" "$root/$1"
