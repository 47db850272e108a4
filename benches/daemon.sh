#!/usr/bin/env bash
# Times checking an image that the Docker engine has against `docker save` of it to /dev/null, and a second
# check. Both in one run and by turns; nothing is cached before the first check. What counts is the ratio.
#
#   benches/daemon.sh [ROUNDS] [MB]        needs docker, skopeo and python3; MB counts compressed bytes
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
megabytes=${2:-250}
work=$(mktemp -d)
tag=scf-conform-bench:$$
trap 'docker rmi -f "$tag" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

cargo build --release --quiet --locked
conform=$PWD/target/release/scf-conform

python3 benches/image.py "$work/layout" "$megabytes"
skopeo copy --quiet "oci:$work/layout" "docker-archive:$work/saved.tar:$tag"
docker load --quiet --input "$work/saved.tar" >/dev/null
rm -rf "$work/layout" "$work/saved.tar"

milliseconds() { local from=$EPOCHREALTIME; "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }; local to=$EPOCHREALTIME; echo $(( (${to/./} - ${from/./}) / 1000 )); }
save() { docker save "$tag" >/dev/null; }
# The image is no function: that it does not conform is well.
ours() { "$conform" check --static --cache-dir "$work/cache" "docker-daemon:$tag" || [ $? -eq 1 ]; }

: > "$work/save.txt"; : > "$work/first.txt"; : > "$work/second.txt"
for _ in $(seq "$rounds"); do
  sync; milliseconds save >> "$work/save.txt"
  rm -rf "$work/cache"; sync
  milliseconds ours >> "$work/first.txt"
  milliseconds ours >> "$work/second.txt"
done
median() { sort -n "$1" | sed -n "$(( (rounds + 1) / 2 ))p"; }
awk -v a="$(median "$work/first.txt")" -v b="$(median "$work/save.txt")" -v c="$(median "$work/second.txt")" 'BEGIN {
  printf "docker save > /dev/null     %d ms\nscf-conform check, first    %d ms\nscf-conform check, second   %d ms\nratio of the first          %.2f\n", b, a, c, a/b }'
