#!/usr/bin/env bash
# On the machine: unpacks what pack_training.sh gathered beside this file, trains the guided generator until
# UNTIL seconds after the training began, and leaves in $OUT: train.log, log.jsonl, averaged.safetensors (anew
# every 20 s), recipe.json, best.pt (the best by decibels, mostly from before the critics), generator.onnx and
# the last two sheets. Settings come from the environment.
set -u
exec > >(tee "$OUT/train.log") 2>&1
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-$(mktemp -d)} until=${UNTIL:-430} python=${PYTHON:-python3}
say() { echo "[$SECONDS s] $*"; }
keep() { # what is worth most lies in $OUT all the time, whatever ends this
  for each in averaged.safetensors log.jsonl recipe.json; do
    [ -f "$work/run/$each" ] && cp "$work/run/$each" "$OUT/.$each" && mv "$OUT/.$each" "$OUT/$each"
  done
}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null
echo "cores $(nproc); $(free -g | sed -n 2p)"; df -h /dev/shm | tail -1
mkdir -p "$work"; cd "$work" || exit 1
tar -xJf "$here/code.tar.xz"
export PYTHONPATH=$work PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
timeout "${IMPORTS:-60}" $python -c '
import torch, stream_unmask.cli.train, trainer.export
print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())' || { say "imports failed"; exit 1; }
say "imports"
$python tools/gpu/faces.py unpack "$here/faces.bin" "$work/faces" & waited=$!
for each in generator segmenter; do
  $python tools/gpu/weights.py restore "$here/onnx/$each.onnx" "stream_unmask/weights/$each.onnx" & waited="$waited $!"
done
$python tools/gpu/weights.py restore "$here/onnx/centerface.onnx" stream_unmask/weights/third_party/centerface.onnx & waited="$waited $!"
# By number: a bare wait would wait for tee as well, that is for ever.
# shellcheck disable=SC2086
wait $waited
say "unpacked"
(while sleep 20; do keep; done) & keeper=$!
timeout -s INT -k 30 $((until + 45)) $python -m stream_unmask train guided --data "$work/faces" --run "$work/run" \
  --init bundled --share extra_ai=0.4 --share diverse=1.5 --size "${SIZE:-192}" --batch "${BATCH:-128}" --rate "${RATE:-8e-4}" --echo "${ECHO:-2}" \
  --until "$until" --save-minutes "${SAVE_MINUTES:-0.75}" --threads "${THREADS:-4}" --workers "${WORKERS:-14}" \
  --seed "${SEED:-11}" ${MORE:-}
say "trained, exit code $?"
kill $keeper; keep
cp "$work/run/best.pt" "$OUT/" 2>/dev/null
ls "$work"/run/sheets/*.png 2>/dev/null | tail -n 2 | while read -r each; do cp "$each" "$OUT/sheet-$(basename "$each")"; done
$python - "$work/run/log.jsonl" "${BATCH:-128}" <<'P'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
late = lines[len(lines) // 5:]
seconds = sum(line["seconds"] for line in late)
print("steps", len(lines), "images/s", round(int(sys.argv[2]) * len(late) / seconds),
      "share waited", round(sum(line["waited"] for line in late) / seconds, 3))
for line in lines:
    if "held_out" in line:
        print({name: line[name] for name in line if name not in ("seconds", "waited")})
P
timeout "${EXPORT:-60}" $python -m stream_unmask export --data "$work/faces" --generator "$work/run" --weights "$work/out" \
  --note "on a GPU" && cp "$work/out/generator.onnx" "$OUT/"
say "done"
ls -la "$OUT"
