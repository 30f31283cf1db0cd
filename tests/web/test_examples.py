"""The two examples of how to use the API do what they say."""

from __future__ import annotations

import asyncio
import re
import runpy
import shutil
from pathlib import Path

import pytest

from tests.web.serving import run, served

ROOT = Path(__file__).parents[2]


def test_python_fetches_a_file_unmasked(tmp_path: Path) -> None:
    main = runpy.run_path(str(ROOT / "examples" / "over_http.py"))["main"]
    (tmp_path / "video.mp4").write_bytes(b"some video")
    token = "a-token-that-nobody-guesses"

    async def test() -> None:
        async with served(tmp_path, token=token) as server:
            output = tmp_path / "out.mp4"
            await asyncio.to_thread(main, server.address, str(tmp_path / "video.mp4"), str(output), token)
            assert output.read_bytes() == b"some video"
            assert server.workshop.orders[0].source.suffix == ".mp4"
            assert sum(server.site.jobs.counts.values()) == 0

    run(test())


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_fetches_a_file_unmasked(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "page.md").read_text()
    (script,) = (block for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) if "curl" in block)
    (tmp_path / "video.mp4").write_bytes(b"some video")

    async def test() -> None:
        async with served(tmp_path) as server:
            text = script.replace("http://127.0.0.1:8000", server.address)
            process = await asyncio.create_subprocess_exec("bash", "-ec", text, cwd=tmp_path)
            assert await process.wait() == 0
            assert (tmp_path / "out.mp4").read_bytes() == b"some video"

    run(test())
