#!/usr/bin/env bash
# Runs one step of bookspace on this machine or on a cluster.
#   deploy/submit.sh STEP [options of bookspace] [-- options of spark-submit]
#     for example: MASTER=yarn ENVIRONMENT=environment.tar.gz deploy/submit.sh read_dump --conf conf/enwiki.yaml --dump /data/enwiki \
#                      --warehouse /data/books --set read.partition_mb=64 -- --queue etl --num-executors 20
#   deploy/submit.sh bookspace ARGUMENTS   the command bookspace of the same environment, on this machine
# What it takes from the environment:
#   MASTER       local[*] (the default), spark://HOST:7077, yarn, k8s://https://HOST:6443
#   DEPLOY_MODE  client: the driver runs here (the default); cluster: on the cluster (yarn, k8s)
#   ENVIRONMENT  the archive that deploy/pack.sh makes; executors that need no torch get the smaller one beside it. Without it the Python
#                on PATH serves
#   IMAGE        k8s: the image of deploy/Dockerfile.spark, or of deploy/Dockerfile.train
#   NAMESPACE    k8s: where the pods go (default)
#   GPUS         GPUs of the driver, for the steps that use one (0)
#   PROCESSES    processes that train together, each a task on the cluster, with a GPU of its own if GPUS is not 0 (1)
#   SPARK_HOME   the Spark whose bin/spark-submit is called; without it the one on PATH
# Resources a step, and the list of steps, stand in deploy/steps.conf (STEPS_CONF names another).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "submit.sh: $*" >&2
    exit 2
}

steps_conf=${STEPS_CONF:-$root/deploy/steps.conf}
[ -r "$steps_conf" ] || fail "$steps_conf cannot be read"
case ${1:-} in
    "" | -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
step=$1 works_on=
shift
while read -r name where _ properties; do
    if [ "$name" = "$step" ]; then
        works_on=$where
        break
    fi
done <"$steps_conf"
[ "$step" != bookspace ] || works_on=driver
[ -n "$works_on" ] || fail "$step is no step; there are $(sed -n 's/^\([a-z_]\{1,\}\) .*/\1/p' "$steps_conf" | paste -sd ' ')"

options=() spark_options=()
while [ $# -gt 0 ]; do
    if [ "$1" = -- ]; then
        spark_options=("${@:2}")
        break
    fi
    options+=("$1")
    shift
done

master=${MASTER:-local[*]} mode=${DEPLOY_MODE:-client} gpus=${GPUS:-0} processes=${PROCESSES:-1}
archive=${ENVIRONMENT:-} spark_submit=${SPARK_HOME:+$SPARK_HOME/bin/}spark-submit
case $master in
    local*) manager=local ;;
    spark://*) manager=standalone ;;
    yarn) manager=yarn ;;
    k8s://*) manager=k8s ;;
    *) fail "MASTER=$master is not allowed: local[N], spark://HOST:PORT, yarn or k8s://https://HOST:PORT" ;;
esac
case $mode-$manager in
    client-* | cluster-yarn | cluster-k8s) ;;
    cluster-*) fail "DEPLOY_MODE=cluster: Spark takes no Python program there with MASTER=$master; use client" ;;
    *) fail "DEPLOY_MODE=$mode is not allowed: client or cluster" ;;
esac
case $gpus-$processes in
    *[!0-9-]* | *-0) fail "GPUS=$gpus, PROCESSES=$processes: numbers are allowed, PROCESSES from 1" ;;
esac
together=
case $works_on-$manager in
    *processes*-local) ;;
    *processes*)
        if [ "$processes" -gt 1 ]; then
            together=yes works_on=executors
            options+=(--set "train.processes=$processes")
        fi
        ;;
esac
[ -z "$archive" ] || [ -f "$archive" ] || fail "ENVIRONMENT=$archive: no such file; deploy/pack.sh -o $archive makes it"
[ "$manager" != k8s ] || [ -n "${IMAGE:-}" ] || fail "IMAGE is not set: an image of deploy/Dockerfile.spark that the cluster can fetch"

# The packed environment is unpacked on this machine once; half unpacked it has another name.
unpacked() {
    local cache kept
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/bookspace
    kept=$cache/$(sha256sum "$archive" | cut -c 1-16)
    if [ ! -d "$kept" ]; then
        mkdir -p "$cache"
        local part
        part=$(mktemp -d "$cache/unpacking.XXXXXX")
        tar -xzf "$archive" -C "$part" || { rm -rf "$part"; fail "$archive: cannot be unpacked into $cache"; }
        mv -T "$part" "$kept" 2>/dev/null || rm -rf "$part" # another submission was faster
    fi
    "$kept/bin/python" -c '' 2>/dev/null || fail "$archive: its Python, $(readlink "$kept/bin/python"), is not on this machine; pack where it is"
    echo "$kept"
}

# In cluster mode the driver is on another machine, where neither this folder nor a file of this machine is.
files=()
place_for_cluster() {
    local i warehouse=
    for i in "${!options[@]}"; do
        local next=${options[i + 1]:-}
        case ${options[i]} in
            --conf)
                if [ "$(realpath -q "$next")" = "$root/conf/$(basename "$next")" ]; then # the environment has it too
                    options[i + 1]=$(basename "$next")
                elif [ -f "$next" ] && [ "$manager" = yarn ]; then
                    files+=("$next")
                    options[i + 1]=$(basename "$next")
                fi
                ;;
            --warehouse | --dump)
                case $next in
                    /* | *://* | sample) ;;
                    *) fail "${options[i]} $next: in cluster mode give an address, or an absolute path which every machine of the cluster sees" ;;
                esac
                [ "${options[i]}" = --dump ] || warehouse=$next
                ;;
            --conf=* | --warehouse=* | --dump=*) fail "${options[i]}: write option and value as two words" ;;
        esac
    done
    [ -n "$warehouse" ] || fail "give --warehouse FOLDER: the driver runs on the cluster, in a folder that is gone when it ends"
}

home=
if [ -n "$archive" ]; then
    home=$(unpacked)
fi
# The script of the environment: one of this folder may be of another version than the library there.
if [ -n "$home" ]; then
    script=$(echo "$home"/lib/python3*/site-packages/jobs/"$step.py")
else
    script=$root/jobs/$step.py
fi
if [ "$mode" = cluster ] && [ "$step" != bookspace ]; then
    place_for_cluster
else
    python=${home:+$home/bin/}python
    command -v "$python" >/dev/null || fail "no python is on PATH; activate the environment of bookspace, or set ENVIRONMENT"
    "$python" -c 'import embedding' 2>/dev/null || fail "$python has no bookspace; activate its environment, or set ENVIRONMENT"
    [ "$step" != bookspace ] || exec "$python" -m jobs.pipeline "${options[@]}"
    case $works_on in
        *executors*) ;;
        *) exec "$python" "$script" "${options[@]}" ;; # nothing in it is Spark's
    esac
fi
command -v "$spark_submit" >/dev/null || fail "$spark_submit is not there; set SPARK_HOME to Spark's folder, or put its bin on PATH"

run=bookspace-${step//_/-}-$(date +%s)-$$
spark=(--master "$master" --name "bookspace $step" --conf spark.ui.showConsoleProgress=false)
[ "$manager" = local ] || for property in $properties; do
    spark+=(--conf "$property")
done
case $works_on in
    *executors*) ;;
    # Only Spark's own word that it runs is wanted of the session, no executor.
    *) spark+=(--conf spark.dynamicAllocation.enabled=true --conf spark.dynamicAllocation.shuffleTracking.enabled=true
        --conf spark.dynamicAllocation.minExecutors=0 --conf spark.dynamicAllocation.initialExecutors=0) ;;
esac
discovery=./gpus.sh
[ "$manager" != k8s ] || discovery=/opt/bookspace/deploy/gpus.sh
if [ -n "$together" ]; then
    spark+=(--conf "spark.executor.instances=$processes" --conf spark.executor.cores=1 --conf "spark.cores.max=$processes")
    if [ "$gpus" -gt 0 ]; then
        spark+=(--conf spark.executor.resource.gpu.amount=1 --conf spark.task.resource.gpu.amount=1)
        [ "$manager" = standalone ] || spark+=(--conf "spark.executor.resource.gpu.discoveryScript=$discovery")
        [ "$manager" != k8s ] || spark+=(--conf spark.executor.resource.gpu.vendor=nvidia.com)
        [ "$manager" != yarn ] || files+=("$root/deploy/gpus.sh")
    fi
fi
case $works_on-$mode in
    *gpu*-cluster)
        if [ "$gpus" -gt 0 ]; then
            spark+=(--conf "spark.driver.resource.gpu.amount=$gpus" --conf "spark.driver.resource.gpu.discoveryScript=$discovery")
            [ "$manager" != k8s ] || spark+=(--conf spark.driver.resource.gpu.vendor=nvidia.com)
            [ "$manager" != yarn ] || files+=("$root/deploy/gpus.sh")
        fi
        ;;
esac
[ "$mode" = cluster ] || spark+=(--conf "spark.pyspark.driver.python=$python")
case $manager in
    local)
        # Nobody else has business with this driver.
        spark+=(--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false
            --conf "spark.pyspark.python=$python")
        ;;
    standalone | yarn)
        if [ -n "$archive" ]; then
            # Executors need less than the driver, unless they use torch; in cluster mode all machines get the same.
            smaller=${archive%.tar.gz}-executors.tar.gz
            [ "$mode" = cluster ] || [ -n "$together" ] || [[ $works_on = *gpu* ]] || [ ! -f "$smaller" ] || archive=$smaller
            spark+=(--archives "$archive#environment" --conf spark.pyspark.python=./environment/bin/python)
        elif [ "$mode" = client ]; then
            spark+=(--conf "spark.pyspark.python=$(command -v "$python")") # the same place on every machine
        else
            fail "ENVIRONMENT is not set: the driver on the cluster needs the archive that deploy/pack.sh makes"
        fi
        ;;
    k8s)
        template=$root/deploy/kubernetes/pod-template.yaml
        spark+=(--conf "spark.kubernetes.container.image=$IMAGE" --conf "spark.kubernetes.namespace=${NAMESPACE:-default}"
            --conf "spark.kubernetes.driver.podTemplateFile=$template" --conf "spark.kubernetes.executor.podTemplateFile=$template"
            --conf spark.pyspark.python=/opt/bookspace/bin/python)
        if [ "$mode" = cluster ]; then
            spark+=(--conf "spark.kubernetes.driver.pod.name=$run")
            script=local:///opt/bookspace/jobs/$step.py
        fi
        ;;
esac
[ "$manager" != yarn ] || spark+=(--conf "spark.yarn.tags=$run")
[ ${#files[@]} -eq 0 ] || spark+=(--files "$(IFS=,; echo "${files[*]}")")
[ "$mode" = client ] || spark+=(--deploy-mode cluster)

command=("$spark_submit" "${spark[@]}" "${spark_options[@]}" "$script" "${options[@]}")
[ "$mode" = cluster ] || exec "${command[@]}"

# In cluster mode ending spark-submit does not end the application; whoever ends this script means both.
stop() {
    trap - TERM INT
    kill "$child" 2>/dev/null || true
    echo "submit.sh: stopping $run on the cluster" >&2
    if [ "$manager" = k8s ]; then
        "$spark_submit" --master "$master" --kill "${NAMESPACE:-default}:$run" || true
    else
        yarn application -list -appTags "$run" -appStates SUBMITTED,ACCEPTED,RUNNING 2>/dev/null | grep -o 'application_[0-9]*_[0-9]*' | sort -u |
            while read -r application; do yarn application -kill "$application" || true; done
    fi
    exit 143
}
"${command[@]}" &
child=$!
trap stop TERM INT
wait "$child"
