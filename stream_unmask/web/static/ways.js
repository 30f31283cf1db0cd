// Three ways to watch a camera, tried one after the other: WebRTC, fragments of an MP4 over a socket, JPEGs.
import { BASE, now, post, socket } from "./api.js";

const asked = new URLSearchParams(location.search);
// Milliseconds in which a way must bring its first picture.
const FIRST = 1000 * (Number(asked.get("patience")) || 6);
const MOST_BEHIND = 0.35;

// Calls `shown(video, metadata)` for each picture of a video.
export function eachPicture(video, shown, over) {
  let last = -1;
  const next = (time, metadata) => {
    if (over.aborted) return;
    if (metadata || video.currentTime !== last) {
      last = video.currentTime;
      if (video.videoWidth) shown(video, metadata ?? { mediaTime: last, receiveTime: time });
    }
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
  else requestAnimationFrame(next);
}

export function newVideo(stage) {
  const video = document.createElement("video");
  video.muted = video.playsInline = video.autoplay = true;
  video.tabIndex = -1;
  video.setAttribute("aria-hidden", "true");
  stage.element.append(video);
  return video;
}

export async function gathered(peer) {
  if (peer.iceGatheringState === "complete") return;
  await new Promise((done) => {
    peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && done());
    setTimeout(done, 1500);
  });
}

// What RTP calls a time is the server's plus a number that it does not tell: the one that fits most pictures.
class Times {
  constructor() {
    this.known = new Map();
    this.votes = new Map();
    this.offset = null;
    this.misses = 0;
  }

  add(ticks, arrival) {
    this.known.set(ticks, { arrival, at: performance.now() });
    if (this.known.size > 240) this.known.delete(this.known.keys().next().value);
  }

  arrival({ rtpTimestamp, receiveTime }) {
    if (rtpTimestamp === undefined || !this.known.size) return null;
    if (this.offset !== null) {
      const found = this.known.get((rtpTimestamp - this.offset + 2 ** 32) % 2 ** 32);
      if (found) { this.misses = 0; return found.arrival; }
      if ((this.misses += 1) > 50) { this.offset = null; this.votes.clear(); }
      return null;
    }
    let nearest = null, least = Infinity;
    for (const [ticks, { at }] of this.known) {
      const apart = Math.abs(at - (receiveTime ?? performance.now()));
      if (apart < least) [nearest, least] = [ticks, apart];
    }
    const offset = (rtpTimestamp - nearest + 2 ** 32) % 2 ** 32;
    const votes = (this.votes.get(offset) ?? 0) + 1;
    this.votes.set(offset, votes);
    if (votes >= 6) this.offset = offset;
    return null;
  }
}

async function webrtc(path, stage, picture, over) {
  const peer = new RTCPeerConnection();
  const video = newVideo(stage);
  const times = new Times();
  over.addEventListener("abort", () => { peer.close(); video.remove(); });
  const channel = peer.createDataChannel("times", { ordered: false, maxRetransmits: 0 });
  channel.binaryType = "arraybuffer";
  channel.onmessage = ({ data }) => {
    const read = new DataView(data);
    times.add(read.getFloat64(0, true), read.getFloat64(8, true));
  };
  const transceiver = peer.addTransceiver("video", { direction: "recvonly" });
  peer.ontrack = ({ receiver, track }) => {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => {});
  };
  const failed = new Promise((_, fail) => {
    peer.addEventListener("connectionstatechange", () => {
      if (["failed", "disconnected", "closed"].includes(peer.connectionState)) fail(new Error("webrtc"));
    });
  });
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const { type, sdp } = peer.localDescription;
  await peer.setRemoteDescription(await post(`${path}/webrtc`, { type, sdp }));
  eachPicture(video, (_, metadata) => picture(video, video.videoWidth, video.videoHeight, times.arrival(metadata)), over);
  void transceiver;
  await failed;
}

async function fragments(path, stage, picture, over) {
  const Source = window.ManagedMediaSource ?? window.MediaSource;
  if (!Source) throw new Error("no media source");
  const line = socket(`${path}/fragments`);
  line.binaryType = "arraybuffer";
  let player = null;
  over.addEventListener("abort", () => { line.close(); player?.end(); });
  await new Promise((_, failed) => {
    line.onclose = () => failed(new Error("fragments"));
    line.onerror = () => failed(new Error("fragments"));
    line.onmessage = ({ data }) => {
      if (typeof data === "string") {
        const { kind } = JSON.parse(data);
        player?.end();
        if (!Source.isTypeSupported(kind)) { line.close(); return; }
        player = new FragmentPlayer(Source, kind, stage, picture, () => line.close());
        return;
      }
      const isHead = !player.head;
      player.add(data, isHead);
      if (!isHead) line.send("1");
    };
  });
}

class FragmentPlayer {
  constructor(Source, kind, stage, picture, failed) {
    this.waiting = [];
    this.arrivals = [];
    this.over = new AbortController();
    this.video = newVideo(stage);
    this.video.disableRemotePlayback = true;
    this.source = new Source();
    this.url = URL.createObjectURL(this.source);
    this.video.src = this.url;
    this.video.onerror = failed;
    this.source.addEventListener("sourceopen", () => {
      this.buffer = this.source.addSourceBuffer(kind);
      this.buffer.addEventListener("updateend", () => this.next());
      this.next();
    }, { once: true });
    eachPicture(this.video, (video, { mediaTime }) => picture(video, video.videoWidth, video.videoHeight, this.arrival(mediaTime)), this.over.signal);
  }

  add(data, isHead) {
    if (isHead) {
      this.head = true;
      this.waiting.push(data);
    } else {
      const read = new DataView(data);
      this.arrivals.push([read.getFloat64(0, true), read.getFloat64(8, true)]);
      if (this.arrivals.length > 240) this.arrivals.shift();
      this.waiting.push(data.slice(16));
    }
    this.next();
  }

  arrival(mediaTime) {
    let found = null;
    for (const [time, arrival] of this.arrivals) if (Math.abs(time - mediaTime) < 0.004) found = arrival;
    return found || null;
  }

  next() {
    if (!this.buffer || this.buffer.updating || this.source.readyState !== "open") return;
    const { buffered } = this.buffer;
    if (buffered.length) {
      const end = buffered.end(buffered.length - 1);
      // At the newest picture, whatever happened: what is behind is left out.
      const behind = end - this.video.currentTime;
      if (behind > MOST_BEHIND || behind < 0) this.video.currentTime = Math.max(buffered.start(buffered.length - 1), end - 0.05);
      if (this.video.paused) this.video.play().catch(() => {});
      if (end - buffered.start(0) > 20) { this.buffer.remove(0, end - 10); return; }
    }
    const data = this.waiting.shift();
    if (data) this.buffer.appendBuffer(data);
  }

  end() {
    this.over.abort();
    this.video.onerror = null;
    this.video.remove();
    URL.revokeObjectURL(this.url);
  }
}

async function jpegs(path, stage, picture, over) {
  const answer = await fetch(`${BASE}${path}/jpegs`, { signal: over, credentials: "same-origin" });
  if (!answer.ok) throw new Error("jpegs");
  const reader = answer.body.getReader();
  let waiting = new Uint8Array(0);
  const more = async () => {
    const { value, done } = await reader.read();
    if (done) throw new Error("jpegs");
    const joined = new Uint8Array(waiting.length + value.length);
    joined.set(waiting);
    joined.set(value, waiting.length);
    waiting = joined;
  };
  let last = null;
  for (;;) {
    let end;
    while ((end = headEnd(waiting)) < 0) await more();
    const head = new TextDecoder().decode(waiting.subarray(0, end));
    const length = Number(/Content-Length: (\d+)/.exec(head)[1]);
    const arrival = Number(/X-Arrival: ([\d.]+)/.exec(head)[1]);
    while (waiting.length < end + 4 + length + 2) await more();
    const data = waiting.slice(end + 4, end + 4 + length);
    waiting = waiting.slice(end + 4 + length + 2);
    const bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
    picture(bitmap, bitmap.width, bitmap.height, arrival || null);
    last?.close();
    last = bitmap; // the stage shows this one from now on
  }
}

function headEnd(bytes) {
  for (let place = 0; place + 3 < bytes.length; place += 1) {
    if (bytes[place] === 13 && bytes[place + 1] === 10 && bytes[place + 2] === 13 && bytes[place + 3] === 10) return place;
  }
  return -1;
}

const WAYS = { webrtc, fragments, jpegs };
const forced = asked.get("way");
const useless = new Set();

// Shows a camera until it is stopped, by the first way that brings a picture.
export class Watcher {
  constructor(name, stage, clock) {
    this.path = `/inputs/${encodeURIComponent(name)}`;
    this.stage = stage;
    this.clock = clock;
    this.way = null;
    this.delays = [];
    this.pictures = 0;
    this.running = null;
  }

  start() {
    if (!this.running) this.run(this.running = new AbortController());
  }

  stop() {
    this.running?.abort();
    this.running = null;
    this.way = null;
  }

  async run(running) {
    while (!running.signal.aborted) {
      const names = Object.keys(WAYS).filter((name) => (forced ? name === forced : !useless.has(name)));
      for (const name of names.length ? names : ["jpegs"]) {
        const came = await this.try(name, running.signal);
        if (running.signal.aborted) return;
        if (came) break;
        if (name !== "jpegs" && navigator.onLine && this.answered) useless.add(name);
      }
      this.way = null;
      await new Promise((done) => setTimeout(done, 1000));
    }
  }

  // Whether a picture came; returns when it is over.
  async try(name, stopped) {
    const own = new AbortController();
    const stop = () => own.abort();
    stopped.addEventListener("abort", stop);
    const before = this.pictures;
    this.answered = true;
    const late = setTimeout(() => this.pictures === before && own.abort(), FIRST);
    const given = new Promise((done) => own.signal.addEventListener("abort", done));
    const picture = (source, width, height, arrival) => this.picture(name, source, width, height, arrival);
    try {
      await Promise.race([WAYS[name](this.path, this.stage, picture, own.signal), given]);
    } catch (error) {
      this.answered = !(error instanceof TypeError);
    }
    clearTimeout(late);
    own.abort();
    stopped.removeEventListener("abort", stop);
    return this.pictures > before;
  }

  picture(name, source, width, height, arrival) {
    this.way = name;
    this.pictures += 1;
    this.stage.say("");
    this.stage.show(source, width, height);
    if (arrival && this.clock.offset !== null) {
      this.delays.push(now() + this.clock.offset - arrival);
      if (this.delays.length > 250) this.delays.shift();
    }
  }

  // Median and 95th percentile of the last pictures' way from camera to screen, in milliseconds.
  get delay() {
    if (this.delays.length < 10) return null;
    const sorted = [...this.delays].sort((one, other) => one - other);
    return [sorted[sorted.length >> 1], sorted[Math.floor(sorted.length * 0.95)]].map((each) => Math.max(0, Math.round(each)));
  }
}
