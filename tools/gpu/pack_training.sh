#!/usr/bin/env bash
# Gathers in .gpu/a what one training on a lent GPU machine needs: code, weights to begin with, photos.
# Run in the root of a checkout, before the machine is asked for:
#   bash tools/gpu/pack_training.sh FOLDER_OF_SHARDS [MIB_OF_PHOTOS [PHOTOS_AT_MOST]]
# PYTHON names the interpreter. The machine runs `bash .gpu/a/train.sh`; see there.
set -euo pipefail
shards=$1 mib=${2:-47} limit=${3:+--limit $3}
python=${PYTHON:-python3}
rm -rf .gpu/a
mkdir -p .gpu/a/onnx
for each in generator segmenter third_party/centerface; do
  $python tools/gpu/weights.py halve "stream_unmask/weights/$each.onnx" ".gpu/a/onnx/$(basename "$each").onnx"
done
git ls-files -z --cached --others --exclude-standard -- engines stream_unmask trainer tools pyproject.toml ':!*.onnx' ':!*.npz' \
  | tar --null -T - --sort=name --owner=0 --group=0 -cJf .gpu/a/code.tar.xz
# shellcheck disable=SC2086
$python tools/gpu/faces.py pack "$shards" .gpu/a/faces.bin --mib "$mib" $limit
cp tools/gpu/train.sh .gpu/a/
du -sm .gpu/a
echo "What travels beside: $(git ls-files -z -- . ':!*.onnx' ':!*.npz' ':!*.webp' ':!*.jpg' | xargs -0 stat -c %s | awk '{s += $1} END {printf "%.1f", s / 1048576}') MiB of tree without its .onnx, .npz, .webp and .jpg files."
echo "Move those aside first (they would travel, too): mkdir -p .gpu/aside && git ls-files '*.onnx' '*.npz' '*.webp' '*.jpg' | cpio -pdm .gpu/aside && git ls-files -z '*.onnx' '*.npz' '*.webp' '*.jpg' | xargs -0 rm"
echo "Afterwards: git checkout -- stream_unmask/weights docs"
