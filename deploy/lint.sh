#!/usr/bin/env bash
# The linters of deploy/'s own files; make lint-deploy puts them on PATH. No engine is needed, and no image is built.
set -euo pipefail
cd "$(dirname "$0")"
shellcheck -- *.sh
hadolint Dockerfile.spark Dockerfile.train
yamllint --strict --config-file .yamllint.yaml .
# The Spark operator's own kinds have no schema there; tests/deploy/test_containers.py looks at them.
for file in kubernetes/*.yaml; do
    grep -q sparkoperator.k8s.io "$file" || kubernetes-validate --strict --quiet "$file"
done
python - compose.yaml <<'END'
import sys

import yaml
from compose_spec import ComposeSpecification

with open(sys.argv[1], encoding="utf-8") as file:
    ComposeSpecification.model_validate(yaml.safe_load(file))
END
echo "deploy: all linters are content"
