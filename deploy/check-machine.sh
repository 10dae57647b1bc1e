#!/bin/sh
# Is what bookspace needs on this machine? Each thing that is missing is said in one line, with the mend.
#   check-machine.sh [java] [python] [browser]   check these
#   check-machine.sh find-python       print a Python that serves
set -u

find_python() {
    for python in ${PYTHON:-} python3.12 python3.11 python3; do
        if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; then
            echo "$python"
            return 0
        fi
    done
    echo "bookspace: Python 3.11 or 3.12 is needed and none is on PATH; install one (for example apt-get install python3 python3-venv python3-dev), or name it: make PYTHON=/path/to/python3.11" >&2
    return 1
}

check_python() {
    python=$(find_python) || return 1
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || {
        echo "bookspace: $python cannot make virtual environments; install its venv package (for example apt-get install python3-venv)" >&2
        return 1
    }
    command -v c++ >/dev/null || command -v g++ >/dev/null || {
        echo "bookspace: a C++ compiler is needed to build annoy; install one (for example apt-get install g++)" >&2
        return 1
    }
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || {
        echo "bookspace: the headers of $python are needed to build annoy; install them (for example apt-get install python3-dev)" >&2
        return 1
    }
}

check_java() {
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    where="none is on PATH"
    [ -z "${JAVA_HOME:-}" ] || where="JAVA_HOME=$JAVA_HOME holds none"
    mend="install Java 17 (for example apt-get install openjdk-17-jre-headless) or set JAVA_HOME to one"
    command -v "$java" >/dev/null || {
        echo "bookspace: Java 17 is needed and $where; $mend" >&2
        return 1
    }
    version=$("$java" -version 2>&1 | sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
    case $version in
        17 | 21) ;;
        *)
            echo "bookspace: Java 17 is needed and $java is ${version:-none that works}; $mend" >&2
            return 1
            ;;
    esac
}

# Pages are tested in a browser; without one these tests are skipped, so this never fails.
check_browser() {
    for browser in "${BOOKSPACE_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        [ -z "$browser" ] || ! command -v "$browser" >/dev/null || return 0
    done
    echo "bookspace: no Chromium is on PATH, so the tests of the pages are skipped; install one (for example apt-get install chromium) or set BOOKSPACE_CHROMIUM to one" >&2
}

for what in "$@"; do
    case $what in
        find-python) find_python ;;
        python) check_python ;;
        java) check_java ;;
        browser) check_browser ;;
        *) echo "check-machine.sh: no check is called $what" >&2; exit 2 ;;
    esac || exit 1
done
