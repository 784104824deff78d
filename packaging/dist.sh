#!/bin/sh
# Builds eipd for all systems into out/dist, with checksums and lists of what is in it.
set -eu
cd "$(dirname "$0")/.."
rm -rf out/dist
mkdir -p out/dist
for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
	os=${target%/*} arch=${target#*/} suffix=
	[ "$os" = windows ] && suffix=.exe
	file=out/dist/eipd-$os-$arch$suffix
	GOOS=$os GOARCH=$arch sh packaging/build.sh "$file"
	go run ./internal/sbom "$file" "$(sh packaging/version.sh)" > "$file.cdx.json"
done
(cd out/dist && sha256sum eipd-* > SHA256SUMS)
