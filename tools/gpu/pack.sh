# What the scripts that pack for a machine with a GPU share; to be sourced in the root of a checkout.
# Such a machine has a PyTorch image, Python 3.12 and no network: whatever else is needed travels as files.
set -euo pipefail

PACKED=.gpu
MOST_MIB=${MOST_MIB:-62}  # that may travel, the tracked files included

# begin NAME: an empty folder .gpu/NAME that git ignores; prints it.
begin() {
  local exclude
  exclude=$(git rev-parse --git-path info/exclude)
  grep -qx "/$PACKED/" "$exclude" 2>/dev/null || echo "/$PACKED/" >> "$exclude"
  rm -rf "${PACKED:?}/$1"
  mkdir -p "$PACKED/$1"
  echo "$PACKED/$1"
}

# fetch FOLDER NAME...: unpack the wheels of packages, in the versions of constraints.txt, into a folder.
fetch() {
  local folder=$1 tags=() name wheel
  shift
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014; do tags+=(--platform "${tag}_x86_64"); done
  mkdir -p "$PACKED/wheels" "$folder"
  for name in "$@"; do
    python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
      "${tags[@]}" --dest "$PACKED/wheels" "$(grep -ix "$name==.*" constraints.txt)"
    for wheel in "$PACKED"/wheels/"${name//-/_}"-*.whl; do unzip -qo "$wheel" -d "$folder"; done
  done
}

# slim FOLDER: drop what only other devices, other file formats and compilers want.
slim() (
  cd "$1"
  rm -f openvino/libs/cache.json openvino/libs/libopenvino_c.so* openvino/libs/libopenvino_intel_{gpu,npu}_plugin.so
  rm -f openvino/libs/libopenvino_{tensorflow,pytorch,paddle,gguf,jax}_frontend.so*
  rm -f openvino/libs/libopenvino_{auto,hetero,auto_batch}_plugin.so
  rm -rf openvino/{tools,include,cmake} openvino-*.data av/include
  find . \( -name '*.pyi' -o -name '*.pxd' \) -delete
  find . -name '*.so*' -type f -exec strip --strip-unneeded {} +
)

# told FOLDER: what importlib.metadata says of this project, which is not installed there.
told() {
  local version
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
  mkdir -p "$1/stream_unmask-$version.dist-info"
  printf 'Metadata-Version: 2.4\nName: stream-unmask\nVersion: %s\n' "$version" \
    > "$1/stream_unmask-$version.dist-info/METADATA"
}

# crate FOLDER FILE: all of a folder in FILE, a .tar.xz; the x86 filter saves a twentieth of machine code.
crate() { tar --sort=name --owner=0 --group=0 -C "$1" -cf - . | xz -T1 --x86 --lzma2=preset=6,dict=64MiB > "$2"; }

# site FILE NAME...: packages, slimmed, and what is told of this project, in FILE; made once for their versions.
site() {
  local file=$1 kept folder name
  shift
  kept="$PACKED/site$(for name in "$@"; do grep -ix "$name==.*" constraints.txt; done | sed 's/.*==/-/' | tr -d '\n').tar.xz"
  if [ ! -f "$kept" ]; then
    folder=$(begin site)
    fetch "$folder" "$@"
    slim "$folder"
    told "$folder"
    crate "$folder" "$kept.part"
    mv "$kept.part" "$kept"
    rm -rf "$folder" "$PACKED/wheels"
  fi
  cp "$kept" "$file"
}

# aside: the networks leave the tracked files, which travel whole; `git checkout` brings them back.
aside() {
  find stream_unmask/weights -name '*.onnx' -not -path '*/third_party/*' -delete
  echo "The networks are out of the way. To get them back: git checkout -- stream_unmask/weights"
}

# weigh FOLDER: how much travels; fails where that is too much.
weigh() {
  local tree packed
  tree=$(git ls-files -z | { xargs -0 stat -c %s 2>/dev/null || true; } | awk '{s += $1} END {print s}')
  packed=$(du -sb "$1" | cut -f1)
  awk -v tree="$tree" -v packed="$packed" -v most="$MOST_MIB" 'BEGIN {
    total = (tree + packed) / 1048576
    printf "%.1f MiB travel: %.1f of the tree, %.1f packed; at most %d may.\n", total, tree / 1048576, packed / 1048576, most
    exit total > most
  }'
}
