"""Unmask a file over the HTTP API of `stream-unmask serve`, from any machine that reaches it.

python examples/over_http.py http://127.0.0.1:8000 video.mp4 out.mp4
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen


def main(server: str, source: str, output: str, token: str = "") -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    name, data = quote(Path(source).name), Path(source).read_bytes()
    job = json.load(urlopen(Request(f"{server}/api/v1/jobs?name={name}", data, headers)))
    address = f"{server}/api/v1/jobs/{job['id']}"
    while job["state"] not in ("done", "failed"):
        time.sleep(0.5)
        job = json.load(urlopen(Request(address, headers=headers)))
        sys.stderr.write(f"{job['state']}, {job['share']:.0%}\n")
    if job["state"] == "failed":
        sys.exit(job["error"])
    Path(output).write_bytes(urlopen(Request(f"{address}/result", headers=headers)).read())
    urlopen(Request(address, headers=headers, method="DELETE"))


if __name__ == "__main__":
    main(*sys.argv[1:])
