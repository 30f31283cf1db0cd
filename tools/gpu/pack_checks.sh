#!/usr/bin/env bash
# Packs what tools/gpu/checks.sh needs on a machine with a GPU into .gpu/checks (some minutes of a CPU).
# In the root of a checkout that `make test` has set up; afterwards: git checkout -- stream_unmask/weights
. "$(dirname "$0")/pack.sh"
git checkout -q -- stream_unmask/weights
folder=$(begin checks)
site "$folder/site.tar.xz" av openvino openvino-telemetry
weights=stream_unmask/weights
python3=$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
"$python3" tools/gpu/networks.py pack $weights/{generator,segmenter,segmenter.int8}.onnx \
  $weights/third_party/{centerface.onnx,face_landmark.tflite} > "$folder/networks.xz"
aside
weigh "$folder"
