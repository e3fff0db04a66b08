#!/usr/bin/env bash
# release.sh vX.Y.Z: writes into dist/ everything that a release publishes, and publishes nothing. The release workflow signs and
# uploads it (.github/workflows/release.yml).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || { echo "usage: $0 vX.Y.Z" >&2; exit 2; }
read -ra arches <<<"${ARCHES:-amd64 arm64}"
registry=${REGISTRY:-ghcr.io/foresight-scheduler}
dist=dist

# Nothing is removed but what an earlier release has left here: the files that its sums name and still fit.
if [ -d "$dist" ] && [ -n "$(ls -A "$dist")" ]; then
	if ! (cd "$dist" && sha256sum --quiet --strict --check SHA256SUMS) ||
		[ "$(ls -A "$dist" | sort)" != "$( (cut -c67- "$dist/SHA256SUMS" && echo SHA256SUMS) | sort)" ]; then
		echo "$dist/ holds what no release left there: remove it yourself" >&2
		exit 1
	fi
	rm -r "$dist"
fi
mkdir -p "$dist"

say() { printf '%s\n' "$*" >&2; }

say "image for ${arches[*]}"
make image VERSION="$version" IMAGE="$registry/foresight-scheduler:$version" ARCHES="${arches[*]}" OUT="$dist/foresight-scheduler-image.tar"
for arch in "${arches[@]}"; do
	bin/localcluster sbom --version "$version" --created "$(git log -1 --format=%cI)" "bin/image/$arch/foresight-scheduler" >"$dist/foresight-scheduler-$arch.cdx.json"
done

for arch in "${arches[@]}"; do
	say "foresight for linux/$arch"
	make "bin/release/$arch/foresight" VERSION="$version"
	tar -C "bin/release/$arch" --owner=0 --group=0 --numeric-owner --sort=name --mtime="@$(git log -1 --format=%ct)" \
		-cf - foresight | gzip -n >"$dist/foresight-linux-$arch.tar.gz"
done

say "chart"
(cd test/chart && go run ./pack "../../$dist" "$version" >/dev/null)

say "manifests"
make -s manifests | sed "s,image: foresight-scheduler:.*,image: $registry/foresight-scheduler:$version," >"$dist/foresight.yaml"
grep -q "image: $registry/foresight-scheduler:$version" "$dist/foresight.yaml"

(cd "$dist" && sha256sum -- * >SHA256SUMS)
cat "$dist/SHA256SUMS"
