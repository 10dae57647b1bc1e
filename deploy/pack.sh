#!/usr/bin/env bash
# Packs an environment for a cluster: a fresh virtual environment with the wheel of this checkout, in the versions of constraints.txt.
#   deploy/pack.sh [-o environment.tar.gz] [-e all] [--spark]
#     -o FILE    the archive (environment.tar.gz)
#     -e EXTRAS  extras of bookspace (all); wiki is enough for reading and parsing alone
#     --spark    with Spark's jars (400 MB), for machines that have no Spark of their own
# The archive holds no Python itself: the machines that unpack it need the same one at the same place as this machine.
# PYTHON names the Python, PIP_ARGS further options of pip (an index of your own).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "pack.sh: $*" >&2
    exit 1
}

out=environment.tar.gz extras=all spark=
while [ $# -gt 0 ]; do
    case $1 in
        -o) out=${2:?-o needs a file}; shift 2 ;;
        -e) extras=${2:?-e needs extras}; shift 2 ;;
        --spark) spark=yes; shift ;;
        -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) fail "$1 is not known; --help says what is" ;;
    esac
done
case $out in
    *.tar.gz) ;;
    *) fail "$out: Spark unpacks an archive by its name; end it in .tar.gz" ;;
esac
[ -d "$(dirname "$out")" ] || fail "$(dirname "$out"): no such folder"

"$root/deploy/check-machine.sh" python
python=$("$root/deploy/check-machine.sh" find-python)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086  # PIP_ARGS is a list of words
install() { "$work/$1/bin/python" -m pip install --quiet --disable-pip-version-check ${PIP_ARGS:-} "${@:2}"; }

echo "pack.sh: installing bookspace[$extras] with $("$python" --version)" >&2
"$python" -m venv "$work/environment"
"$python" -m venv "$work/tools"
install tools -r "$root/deploy/requirements-pack.txt"
# The wheel is made from a copy: what a build leaves behind stays out of the checkout.
mkdir "$work/source"
(cd "$root" && cp -R embedding jobs conf deploy pyproject.toml README.md LICENSE "$work/source")
# Annoy is compiled for this machine's processor unless it is told otherwise, and pip keeps what it has compiled.
export ANNOY_COMPILER_ARGS=${ANNOY_COMPILER_ARGS:--fpermissive,-DANNOYLIB_MULTITHREADED_BUILD,-O3,-ffast-math,-fno-associative-math,-std=c++14}
case ",$extras," in
    *,all,* | *,neighbours,*) install environment --no-cache-dir --no-binary annoy -c "$root/constraints.txt" annoy ;;
esac
install environment -c "$root/constraints.txt" "$work/source[$extras]"

leave_out=()
[ -n "$spark" ] || leave_out=(--exclude '*/pyspark/jars/*' --exclude '*/pyspark/examples/*')
"$work/tools/bin/venv-pack" --quiet --prefix "$work/environment" --format tar.gz --output "$work/packed.tar.gz" "${leave_out[@]}"
cat "$work/packed.tar.gz" >"$out.partial" # not cp: the packer leaves it to its owner alone
mv "$out.partial" "$out"
echo "pack.sh: $out, $(($(wc -c <"$out") / 1000000)) MB; deploy/submit.sh takes it as ENVIRONMENT=$out" >&2
