#!/bin/sh
# Prints the version: the tag, with what came after it, or the commit.
set -eu
git -C "$(dirname "$0")" describe --tags --always --dirty
