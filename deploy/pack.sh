#!/usr/bin/env bash
# Packs an environment for a cluster: a fresh virtual environment with the wheel of this checkout, in the versions of constraints.txt.
# Beside it goes a smaller one, without torch, for the executors of the steps that need none: they fetch and unpack it anew for every step.
#   deploy/pack.sh [-o environment.tar.gz] [-e all] [--spark]
#     -o FILE    the archive (environment.tar.gz); that of the executors is FILE-executors.tar.gz
#     -e EXTRAS  extras of bookspace (all); wiki is enough for reading and parsing alone
#     --spark    with Spark's jars (400 MB), for machines that have no Spark of their own
# The archives hold no Python themselves: the machines that unpack them need the same one at the same place as this machine.
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
trap 'rm -rf "$work" "$out.partial" "${out%.tar.gz}-executors.tar.gz.partial"' EXIT
# shellcheck disable=SC2086  # PIP_ARGS is a list of words
install() { "$work/$1/bin/python" -m pip install --quiet --disable-pip-version-check ${PIP_ARGS:-} "${@:2}"; }

"$python" -m venv "$work/tools"
install tools -r "$root/deploy/requirements-pack.txt"
# The wheel is made from a copy: what a build leaves behind stays out of the checkout.
mkdir "$work/source"
(cd "$root" && cp -R embedding jobs conf deploy pyproject.toml README.md LICENSE "$work/source")
# Annoy is compiled for this machine's processor unless it is told otherwise, and pip keeps what it has compiled.
export ANNOY_COMPILER_ARGS=${ANNOY_COMPILER_ARGS:--fpermissive,-DANNOYLIB_MULTITHREADED_BUILD,-O3,-ffast-math,-fno-associative-math,-std=c++14}

# pack NAME EXTRAS FILE [options of venv-pack]
pack() {
    echo "pack.sh: installing bookspace[$2] with $("$python" --version)" >&2
    "$python" -m venv "$work/$1"
    case ",$2," in
        *,all,* | *,neighbours,*) install "$1" --no-cache-dir --no-binary annoy -c "$root/constraints.txt" annoy ;;
    esac
    install "$1" -c "$root/constraints.txt" "$work/source[$2]"
    "$work/tools/bin/venv-pack" --quiet --prefix "$work/$1" --format tar.gz --output "$work/$1.tar.gz" "${@:4}"
    cat "$work/$1.tar.gz" >"$3.partial" # not cp: the packer leaves it to its owner alone
    rm -rf "${work:?}/$1" "$work/$1.tar.gz"
}

without_jars=(--exclude '*/pyspark/jars/*' --exclude '*/pyspark/examples/*')
leave_out=("${without_jars[@]}")
[ -z "$spark" ] || leave_out=()
executors=${out%.tar.gz}-executors.tar.gz
pack environment "$extras" "$out" "${leave_out[@]}"
pack executors executors "$executors" "${without_jars[@]}"
# Both appear when both are whole: driver and executors are of one version.
mv "$executors.partial" "$executors"
mv "$out.partial" "$out"
megabytes() { echo $(($(wc -c <"$1") / 1000000)); }
echo "pack.sh: $out, $(megabytes "$out") MB, and $executors, $(megabytes "$executors") MB; deploy/submit.sh takes both as ENVIRONMENT=$out" >&2
