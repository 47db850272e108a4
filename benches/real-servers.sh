#!/usr/bin/env bash
# Checks servers that nobody made for this: Flask, FastAPI, Express, Node, Sinatra, PHP and nginx, from
# the packages of Debian 12. Each has to pass every case of severity error, as an event and as an HTTP
# function. Needs mmdebstrap, jq and tar; takes minutes, and some 2 GB below the temporary directory.
#
#   benches/real-servers.sh [PROGRAM]      [default: target/release/scf-conform]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:-target/release/scf-conform}")
servers=$(realpath fixtures/servers)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# image NAME PACKAGES COMMAND...: an OCI layout with one layer.
image() {
  local name=$1 packages=$2
  shift 2
  mmdebstrap --quiet --variant=essential --include="$packages" bookworm root.tar
  mkdir -p "$name/blobs/sha256" app
  cp "$servers"/* app/
  tar --append -f root.tar app
  local diff size config
  diff=$(sha256sum root.tar | cut -d' ' -f1)
  size=$(stat -c %s root.tar)
  mv root.tar "$name/blobs/sha256/$diff"
  jq -nc --arg diff "sha256:$diff" --args '{architecture: "amd64", os: "linux", config: {Cmd: $ARGS.positional},
    rootfs: {type: "layers", diff_ids: [$diff]}}' -- "$@" >config.json
  blob() { local digest; digest=$(sha256sum "$1" | cut -d' ' -f1); cp "$1" "$name/blobs/sha256/$digest"; echo "$digest"; }
  config=$(blob config.json)
  jq -nc --arg config "sha256:$config" --arg layer "sha256:$diff" --argjson size "$size" \
    --argjson configs "$(stat -c %s config.json)" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $configs},
    layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $layer, size: $size}]}' >manifest.json
  jq -nc --arg digest "sha256:$(blob manifest.json)" --argjson size "$(stat -c %s manifest.json)" '{schemaVersion: 2,
    manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size}]}' >"$name/index.json"
  echo '{"imageLayoutVersion": "1.0.0"}' >"$name/oci-layout"
}

failed=0
# server NAME PACKAGES COMMAND...
server() {
  image "$@"
  for kind in event http; do
    printf '%-8s %-5s ' "$1" "$kind"
    "$program" check --type "$kind" --memory 1024 --cache-dir "$work/cache" "oci:$1" >report.txt 2>&1 || failed=1
    grep '^conform:' report.txt || cat report.txt
    grep -E '^(FAIL|WARN) .*  [EH][0-9]{3}  ' report.txt || true
  done
  rm -rf "$1" cache
}

server nginx nginx-light /usr/sbin/nginx -c /app/nginx.conf
server flask python3-flask python3 /app/flask_server.py
server fastapi python3-fastapi,uvicorn python3 -m uvicorn --app-dir /app fastapi_server:app --host 0.0.0.0 --port 9000
server express nodejs,node-express node /app/express.js
server node nodejs node /app/node.js
server php php-cli php -S 0.0.0.0:9000 /app/index.php
server sinatra ruby-sinatra,puma ruby /app/sinatra.rb
exit $failed
