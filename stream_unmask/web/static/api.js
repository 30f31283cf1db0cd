// The HTTP API: the page uses nothing else. See openapi.json.
import { say } from "./dom.js";

export const BASE = "/api/v1";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, options = {}) {
  const answer = await fetch(BASE + path, { credentials: "same-origin", ...options }).catch(() => {
    throw new Refused(0, say("server_silent"));
  });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) {
    if (answer.status === 401) document.dispatchEvent(new Event("locked"));
    throw new Refused(answer.status, said.error);
  }
  return said;
}

export const post = (path, values) => ask(path, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(values ?? {}),
});

export const remove = (path) => ask(path, { method: "DELETE" });

export const socket = (path) => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${BASE}${path}`);

// Milliseconds to add to this clock for the server's, from the quickest of some answers.
export async function clockOffset() {
  let best = Infinity, offset = 0;
  for (let time = 0; time < 5; time += 1) {
    const before = now();
    const { now: there } = await ask("/clock");
    const passed = now() - before;
    if (passed < best) [best, offset] = [passed, there - before - passed / 2];
  }
  return offset;
}

export const now = () => performance.timeOrigin + performance.now();

export function upload(file, progress) {
  const request = new XMLHttpRequest();
  request.open("POST", `${BASE}/jobs?name=${encodeURIComponent(file.name || "pasted.png")}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "json";
  request.upload.onprogress = (event) => progress(event.loaded / event.total);
  return new Promise((done, failed) => {
    request.onload = () => {
      if (request.status === 201) done(request.response);
      else failed(new Refused(request.status, request.response?.error ?? request.statusText));
    };
    request.onerror = () => failed(new Refused(0, say("upload_failed")));
    request.send(file);
  });
}
