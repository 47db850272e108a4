#!/usr/bin/env bash
# Times pulling an image of about 500 MB from a registry on loopback and checking it statically, against
# `skopeo copy` of the same image into an OCI layout. Both in one run and by turns, from and to the same disk,
# nothing cached of either; what counts is the ratio.
#
#   benches/registry.sh [ROUNDS] [MB]      needs docker-registry, skopeo and python3
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
megabytes=${2:-500}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --release --quiet --locked
conform=$PWD/target/release/scf-conform

python3 benches/image.py "$work/layout" "$megabytes"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/registry.yml" <<YAML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
YAML
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
server=$!
for _ in $(seq 100); do curl --silent --output /dev/null "http://127.0.0.1:$port/v2/" && break; sleep 0.1; done
image=docker://127.0.0.1:$port/bench/app:1
skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout" "$image"
rm -rf "$work/layout"

milliseconds() { local from=$EPOCHREALTIME; "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }; local to=$EPOCHREALTIME; echo $(( (${to/./} - ${from/./}) / 1000 )); }
theirs() { skopeo copy --quiet --src-tls-verify=false "$image" "oci:$work/copied:1"; }
# The image is no function: that it does not conform is well.
ours() { "$conform" check --static --cache-dir "$work/cache" "$image" || [ $? -eq 1 ]; }

: > "$work/theirs.txt"; : > "$work/ours.txt"
for _ in $(seq "$rounds"); do
  rm -rf "$work/copied" "$work/cache"; sync
  milliseconds theirs >> "$work/theirs.txt"
  rm -rf "$work/copied" "$work/cache"; sync
  milliseconds ours >> "$work/ours.txt"
done
median() { sort -n "$1" | sed -n "$(( (rounds + 1) / 2 ))p"; }
awk -v a="$(median "$work/ours.txt")" -v b="$(median "$work/theirs.txt")" 'BEGIN {
  printf "scf-conform check --static  %d ms\nskopeo copy                 %d ms\nratio                       %.2f\n", a, b, a/b }'
