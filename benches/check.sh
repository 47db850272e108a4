#!/usr/bin/env bash
# Times `scf-conform check` of the hello fixture, whole program with a warm cache, against what a
# person would do by hand: `docker run -d`, one `curl` that is repeated until it answers, `docker rm -f`.
# Both in one run and by turns, since machines are noisy; what counts is the ratio.
#
#   benches/check.sh [ROUNDS]      needs docker and curl; prints the medians and the ratio
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-15}
tag=scf-conform-bench:$$
work=$(mktemp -d)
trap 'docker rm -f "bench-$$" >/dev/null 2>&1 || true; docker rmi -f "$tag" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

cargo build --release --quiet --locked
conform=$PWD/target/release/scf-conform

# The same image for Docker: the fixture's one layer under the fixture's own command.
"$conform" selftest --export "$work/layout" hello >/dev/null
python3 - "$work/layout" > "$work/facts" <<'PY'
import json, sys
layout = sys.argv[1]
blob = lambda digest: f"{layout}/blobs/{digest.replace(':', '/')}"
index = json.load(open(f"{layout}/index.json"))
manifest = json.load(open(blob(index["manifests"][0]["digest"])))
config = json.load(open(blob(manifest["config"]["digest"])))["config"]
print(blob(manifest["layers"][0]["digest"]))
print("ENTRYPOINT " + json.dumps(config.get("Entrypoint") or []))
print("CMD " + json.dumps(config.get("Cmd") or []))
PY
mapfile -t facts < "$work/facts"
docker import --change "${facts[1]}" --change "${facts[2]}" "${facts[0]}" "$tag" >/dev/null

milliseconds() { local from=$EPOCHREALTIME; "$@" >/dev/null 2>&1; local to=$EPOCHREALTIME; echo $(( (${to/./} - ${from/./}) / 100 )); }

by_hand() {
  docker run -d --name "bench-$$" --read-only --tmpfs /tmp "$tag"
  local address
  address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "bench-$$")
  curl --silent --retry 50 --retry-delay 0 --retry-connrefused --max-time 5 -X POST -d '{}' "http://$address:9000/event-invoke"
  docker rm -f "bench-$$"
}
ours() { "$conform" check --format json fixture:hello; }

ours >/dev/null   # warms the cache
: > "$work/ours"; : > "$work/hand"
for _ in $(seq "$rounds"); do
  milliseconds ours >> "$work/ours"
  milliseconds by_hand >> "$work/hand"
done
median() { sort -n "$1" | sed -n "$(( (rounds + 1) / 2 ))p"; }
a=$(median "$work/ours"); b=$(median "$work/hand")
awk -v a="$a" -v b="$b" 'BEGIN { printf "scf-conform check   %.1f ms\ndocker run+curl+rm  %.1f ms\nratio               %.1f\n", a/10, b/10, b/a }'
