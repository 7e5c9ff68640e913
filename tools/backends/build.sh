#!/bin/sh
# Builds the back ends of telemetry into .backends: Prometheus with promtool, the collector, Jaeger. Needs Go; takes
# about 15 minutes on two cores, once. Versions are those of the go.mod files here.
set -eu
cd "$(dirname "$0")"
out="$(cd ../.. && pwd)/.backends"
command -v go >/dev/null || { echo "go is not installed or not on the PATH"; exit 1; }
mkdir -p "$out"
build() {
    folder=$1
    package=$2
    shift 2
    echo "building $package"
    (cd "$folder" && go build -trimpath -ldflags="-s -w" "$@" -o "$out/" "$package")
}
build collector .
build prometheus github.com/prometheus/prometheus/cmd/promtool -tags remove_all_sd
build prometheus github.com/prometheus/prometheus/cmd/prometheus -tags remove_all_sd
build jaeger github.com/jaegertracing/jaeger/cmd/jaeger
