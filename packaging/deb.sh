#!/bin/sh
# Makes a Debian package of a binary of eipd for linux/ARCH, which must run here, and
# prints its path.
# usage: packaging/deb.sh BINARY ARCH VERSION FOLDER
set -eu
binary=$1 arch=$2 version=$3 folder=$4
here=$(dirname "$0")
(cd "$here/../cmd/eipd" && go run -tags gendocs . man)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 0755 "$tree"
mkdir -p "$tree/DEBIAN" "$tree/etc/eipd/flows" "$tree/usr/share/man/man1" "$folder"
install -D -m 0755 "$binary" "$tree/usr/bin/eipd"
install -D -m 0644 "$here/eipd.service" "$tree/lib/systemd/system/eipd.service"
install -D -m 0640 "$here/eipd.env" "$tree/etc/eipd/eipd.env"
install -D -m 0644 "$here/../LICENSE" "$tree/usr/share/doc/eipd/copyright"
gzip -9n < "$here/../CHANGELOG.md" > "$tree/usr/share/doc/eipd/changelog.gz"
for page in "$here"/../out/man/*.1; do
	gzip -9n < "$page" > "$tree/usr/share/man/man1/$(basename "$page").gz"
done
completion() {
	mkdir -p "$(dirname "$tree/$2")"
	"$binary" completion "$1" > "$tree/$2"
}
completion bash usr/share/bash-completion/completions/eipd
completion zsh usr/share/zsh/vendor-completions/_eipd
completion fish usr/share/fish/vendor_completions.d/eipd.fish
sed "s/VERSION/$version/; s/ARCH/$arch/" "$here/debian/control" > "$tree/DEBIAN/control"
install -m 0644 "$here/debian/conffiles" "$tree/DEBIAN/conffiles"
install -m 0755 "$here/debian/postinst" "$here/debian/prerm" "$here/debian/postrm" "$tree/DEBIAN"
dpkg-deb --root-owner-group --build "$tree" "$folder/eipd_${version}_$arch.deb" >&2
echo "$folder/eipd_${version}_$arch.deb"
