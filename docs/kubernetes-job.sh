#!/usr/bin/env bash
# kubernetes-job.sh NAME THREADS MEGABYTES COMMAND …: execute a command in a pod, and wait for its end.
set -eu
name=$(tr '[:upper:]_.' '[:lower:]--' <<<"$1") threads=$2 megabytes=$3; shift 3
arguments=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")
trap 'kubectl delete pod "$name" --ignore-not-found --wait=false' EXIT
kubectl run "$name" --image=freeze-lab --restart=Never --attach --quiet --overrides='{"spec": {
  "containers": [{"name": "run", "image": "freeze-lab", "command": '"$arguments"',
    "resources": {"requests": {"cpu": "'"$threads"'", "memory": "'"$megabytes"'M"}},
    "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
  "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "freeze-lab"}}]}}'
