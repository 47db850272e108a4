#!/usr/bin/env bash
# What a suite of one's own costs: 100 asserted requests with the whole program and its boot, and one
# asserted request more. Needs hyperfine and jq; with hurl on the path it is asked the same requests.
#
#   benches/suite.sh [PROGRAM]      [default: target/release/scf-conform]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:-target/release/scf-conform}")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"

# suite COUNT: three expectations of each request.
suite() {
  printf 'suite: bench\ntype: http\ncases:\n'
  for at in $(seq "$1"); do
    printf -- '- name: request %s\n  http: GET /%s\n  expect: {status: 200, headers: {Content-Type: application/json}, body: {path: {$.target: /%s}}}\n' "$at" "$at" "$at"
  done
}
suite 1 >1.yaml
suite 100 >100.yaml
suite 1100 >1100.yaml
check() { echo "$program check -q --type http --no-builtin --only 'U*' --cache-dir $work/cache --suite $1.yaml fixture:http-hello"; }

hyperfine --warmup 2 --min-runs 15 --export-json times.json --style none \
  --command-name 'only the program and its boot' "$(check 1)" \
  --command-name '100 asserted requests' "$(check 100)" \
  --command-name '1100 asserted requests' "$(check 1100)" >/dev/null
jq -r '.results[] | "\(.command): \(.median * 1e4 | round / 10) ms, at best \(.min * 1e4 | round / 10) ms"' times.json
jq -r '"one asserted request more: \((.results[2].median - .results[1].median) * 1e3 | round / 1e3) ms, its server and connection included"' times.json

# What the server and the connection took of that, by the checks' own durations: from connect to the last byte.
"$program" check --type http --no-builtin --only 'U*' --format json --cache-dir "$work/cache" --suite 1100.yaml \
  fixture:http-hello | jq -r '[.images[0].checks[].duration_ms] | sort | "of that on the wire: median \(.[length / 2 | floor]) ms, p99 \(.[length * 0.99 | floor]) ms"'

if command -v hurl >/dev/null; then
  function=$(find "$(dirname "$program")/build" -path '*/out/function' -type f -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)
  mkfifo listening
  "$function" --print-listen --http --listen 127.0.0.1:0 >listening & server=$!
  read -r _ _ address <listening
  for at in $(seq 100); do
    printf 'GET http://%s/%s\nHTTP 200\n[Asserts]\nheader "Content-Type" == "application/json"\njsonpath "$.target" == "/%s"\n\n' "$address" "$at" "$at"
  done >100.hurl
  hyperfine --warmup 2 --min-runs 15 --export-json hurl.json --style none 'hurl --test 100.hurl' >/dev/null 2>&1
  jq -r '.results[] | "hurl, 100 asserted requests, the server up already: \(.median * 1e4 | round / 10) ms"' hurl.json
else
  echo 'hurl: not on the path, not compared'
fi
