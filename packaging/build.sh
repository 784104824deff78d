#!/bin/sh
# Builds eipd as it is released, static, for $GOOS and $GOARCH.
# usage: packaging/build.sh BINARY
set -eu
version=$(sh "$(dirname "$0")/version.sh")
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.released=$version" -o "$1" github.com/eipd/eipd/cmd/eipd
