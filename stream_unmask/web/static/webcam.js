// The visitor's own webcam, sent to the server and shown as it comes back, with the time that takes.
//
// Below each picture goes a strip of black and white cells: its number. It comes back with the picture, so that
// before and after belong together and the way there and back is measured and not guessed.
import { post, socket } from "./api.js";
import { announce, complain, make, say } from "./dom.js";
import { webcamChoices } from "./faces.js";
import { Stage } from "./stage.js";
import { eachPicture, gathered, newVideo } from "./ways.js";

const WIDTH = 640, RATE = 25, BITS = 16, STRIP = 16, KEPT = 60;
const CONNECT = 8000;
const place = document.getElementById("webcam");
const button = document.getElementById("webcam-use");
const forced = new URLSearchParams(location.search).get("way");
let session = null;

class Numbered {
  constructor(camera) {
    this.width = WIDTH;
    this.height = 2 * Math.round(WIDTH * camera.videoHeight / camera.videoWidth / 2);
    this.canvas = make("canvas", { width: this.width, height: this.height + STRIP });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.cell = this.width / BITS;
    this.reader = make("canvas", { width: this.width, height: 1 }).getContext("2d", { alpha: false, willReadFrequently: true });
    this.kept = new Map();
    this.number = 0;
  }

  // Draw a picture with the next number; it is kept until it is back.
  async draw(camera) {
    const { context, width, height, cell } = this;
    this.number = (this.number + 1) % (1 << BITS);
    const number = this.number;
    context.drawImage(camera, 0, 0, width, height);
    for (let bit = 0; bit < BITS; bit += 1) {
      context.fillStyle = number >> bit & 1 ? "#fff" : "#000";
      context.fillRect(bit * cell, height, cell, STRIP);
    }
    this.kept.set(number, { at: performance.now(), picture: await createImageBitmap(this.canvas, 0, 0, width, height) });
    for (const [old, { picture }] of this.kept) {
      if (this.kept.size <= KEPT) break;
      picture.close();
      this.kept.delete(old);
    }
    return number;
  }

  // Which picture this is that came back; nothing where its strip cannot be read.
  read(source, width, height) {
    const line = Math.round((this.height + STRIP / 2) * height / (this.height + STRIP));
    this.reader.drawImage(source, 0, line, width, 1, 0, 0, this.width, 1);
    const { data } = this.reader.getImageData(0, 0, this.width, 1);
    let number = 0;
    for (let bit = 0; bit < BITS; bit += 1) {
      if (data[4 * Math.round((bit + 0.5) * this.cell) + 1] > 127) number |= 1 << bit;
    }
    return this.kept.get(number);
  }
}

class Session {
  constructor(standIn) {
    this.standIn = standIn;
    this.over = new AbortController();
    this.stage = new Stage(say("webcam_title"));
    this.stage.say(say("webcam_asking"));
    this.facts = make("ul", { class: "facts" });
    this.rounds = [];
    this.came = [];
    this.pictures = 0;
  }

  async start() {
    if (!navigator.mediaDevices) throw new Error(say("webcam_insecure"));
    this.media = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: WIDTH }, height: { ideal: 360 }, frameRate: { ideal: RATE }, facingMode: "user" },
    });
    this.over.signal.addEventListener("abort", () => this.media.getTracks().forEach((track) => track.stop()));
    this.camera = newVideo(this.stage);
    this.camera.srcObject = this.media;
    await this.camera.play();
    if (this.over.signal.aborted) { this.stop(); return; }
    this.numbered = new Numbered(this.camera);
    this.stage.say(say("webcam_starting"));
    this.telling = setInterval(() => this.tell(), 1000);
    if (forced !== "jpegs") {
      try {
        await this.webrtc();
        return;
      } catch (error) {
        if (forced === "webrtc" || error.status) throw error;
      }
    }
    if (!this.over.signal.aborted) this.jpegs();
  }

  async webrtc() {
    const peer = new RTCPeerConnection(), { numbered, over } = this;
    over.signal.addEventListener("abort", () => peer.close());
    const sent = numbered.canvas.captureStream(RATE);
    eachPicture(this.camera, () => { numbered.draw(this.camera); }, over.signal);
    peer.addTrack(sent.getVideoTracks()[0], sent);
    const back = newVideo(this.stage);
    peer.ontrack = ({ receiver, track }) => {
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      back.srcObject = new MediaStream([track]);
      back.play().catch(() => {});
    };
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const { type, sdp } = peer.localDescription;
    await peer.setRemoteDescription(await post("/webcam", { type, sdp, stand_in: this.standIn }));
    eachPicture(back, () => this.back(back, back.videoWidth, back.videoHeight, "webrtc"), over.signal);
    await new Promise((done, failed) => {
      const late = setTimeout(failed, CONNECT, new Error("late"));
      peer.addEventListener("connectionstatechange", () => {
        if (peer.connectionState === "connected") { clearTimeout(late); done(); }
        if (peer.connectionState === "failed") failed(new Error("failed"));
      });
    }).catch((error) => { peer.close(); back.remove(); throw error; });
    peer.addEventListener("connectionstatechange", () => {
      if (["failed", "closed"].includes(peer.connectionState) && !over.signal.aborted) this.lost();
    });
  }

  jpegs() {
    const { numbered, over } = this;
    const chosen = this.standIn === null ? "" : `?stand_in=${this.standIn}`;
    const line = socket(`/webcam${chosen}`);
    line.binaryType = "arraybuffer";
    over.signal.addEventListener("abort", () => line.close());
    let underWay = 0;
    eachPicture(this.camera, async () => {
      if (line.readyState !== WebSocket.OPEN || underWay >= 2) return;
      underWay += 1;
      const number = await numbered.draw(this.camera);
      const blob = await new Promise((done) => numbered.canvas.toBlob(done, "image/jpeg", 0.85));
      if (line.readyState === WebSocket.OPEN) line.send(new Blob([new Uint32Array([number]), blob]));
    }, over.signal);
    line.onmessage = async ({ data }) => {
      underWay -= 1;
      const picture = await createImageBitmap(new Blob([data.slice(4)], { type: "image/jpeg" }));
      this.back(picture, picture.width, picture.height, "jpegs");
      this.last?.close();
      this.last = picture;
    };
    line.onclose = () => over.signal.aborted || this.lost();
  }

  back(source, width, height, way) {
    const sent = this.numbered.read(source, width, height);
    if (!sent) return;
    this.way = way;
    if (!this.pictures) announce(say("webcam_title"), say("webcam_back"));
    this.pictures += 1;
    this.rounds.push(performance.now() - sent.at);
    if (this.rounds.length > 150) this.rounds.shift();
    this.came.push(performance.now());
    if (this.came.length > RATE) this.came.shift();
    this.stage.say("");
    const shown = Math.floor(height * this.numbered.height / (this.numbered.height + STRIP));
    const { picture } = sent;
    this.stage.keep(() => {
      if (picture.width) this.stage.showTwo(picture, 0, source, 0, Math.min(picture.width, width), Math.min(picture.height, shown));
    });
  }

  tell() {
    const facts = [];
    if (this.rounds.length > 5) {
      const sorted = [...this.rounds].sort((one, other) => one - other);
      this.round = sorted[sorted.length >> 1];
      const rate = 1000 * (this.came.length - 1) / (this.came.at(-1) - this.came[0]);
      facts.push(say("webcam_round", Math.round(this.round)), say("webcam_round_p95", Math.round(sorted[Math.floor(sorted.length * 0.95)])));
      facts.push(say("webcam_fps", rate.toFixed(1)), say(`way_${this.way}`));
    }
    this.facts.replaceChildren(...facts.map((fact) => make("li", {}, fact)));
    Object.assign(place.dataset, { way: this.way ?? "", pictures: this.pictures, round: Math.round(this.round ?? 0) });
  }

  lost() {
    stop();
    complain(new Error(say("upload_failed")));
  }

  stop() {
    this.over.abort();
    clearInterval(this.telling);
    this.media?.getTracks().forEach((track) => track.stop());
  }
}

function stop() {
  session?.stop();
  session = null;
  const held = place.contains(document.activeElement);
  place.hidden = true;
  place.replaceChildren();
  button.disabled = false;
  if (held) button.focus({ preventScroll: true });
}

async function start(standIn, choices) {
  session?.stop();
  const own = session = new Session(standIn);
  button.disabled = true;
  place.hidden = false;
  const body = make(
    "div", { class: "card-body" },
    make("div", { class: "card-head" }, make("h2", {}, say("webcam_title")), make("button", { type: "button", onclick: stop }, say("webcam_stop"))),
    own.facts, make("p", { class: "said" }, say("webcam_private")), choices,
  );
  place.replaceChildren(make("article", { class: "card" }, own.stage.element, body));
  try {
    await own.start();
  } catch (error) {
    if (session !== own) return;
    stop();
    complain(error.name === "NotAllowedError" || error.name === "NotFoundError" ? new Error(say("webcam_denied", error.message)) : error);
  }
}

export function begin() {
  button.addEventListener("click", async () => {
    button.disabled = true;
    const choices = await webcamChoices((standIn) => start(standIn, choices)).catch(() => null);
    await start(null, choices);
    place.scrollIntoView({ block: "nearest" });
    place.querySelector("button")?.focus({ preventScroll: true });
  });
}

export const leave = () => session && stop();
