#!/usr/bin/env bash
# The GPUs of this machine, as Spark's resource discovery wants to be told (spark.driver.resource.gpu.discoveryScript).
set -euo pipefail
addresses=$(nvidia-smi --query-gpu=index --format=csv,noheader | sed 's/.*/"&"/' | paste -sd ,)
echo "{\"name\": \"gpu\", \"addresses\": [$addresses]}"
