// Files that are tried: brought, followed, and shown with before and after.
import { BASE, ask, post, remove, upload } from "./api.js";
import { announce, complain, duration, icon, make, percent, say, size, text } from "./dom.js";
import { Stage } from "./stage.js";
import { faceChoices } from "./faces.js";
import { eachPicture, newVideo } from "./ways.js";

const list = document.getElementById("jobs");
const drop = document.getElementById("drop");
const cards = new Map();
let limits = null;

// Shares of a file at which its progress is read aloud.
const STEPS = 4;

class JobCard {
  constructor(name) {
    this.name = name;
    this.step = 0;
    this.bar = make("span");
    this.progress = make("div", {
      class: "bar", role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0,
    }, this.bar);
    this.state = make("span");
    this.left = make("span");
    this.status = make("p", { class: "row" }, this.state, this.left);
    this.delete = make("button", { type: "button", class: "plain", "aria-label": say("delete_of", name), onclick: () => this.gone() }, say("delete"));
    this.head = make("div", { class: "card-head" }, make("h2", {}, name), this.delete);
    this.body = make("div", { class: "card-body" }, this.head, this.progress, this.status);
    this.element = make("article", { class: "card job", "aria-label": name }, this.body);
  }

  share(value) {
    this.bar.style.setProperty("--share", value);
    this.progress.setAttribute("aria-valuenow", Math.round(100 * value));
  }

  uploading(share) {
    if (!this.heard) this.hear(say("job_uploading", percent(share)));
    this.share(share);
    text(this.state, say("job_uploading", percent(share)));
  }

  hear(words) {
    if (words !== this.heard) announce(this.name, words);
    this.heard = words;
  }

  follow(job) {
    this.job = job;
    if (this.deleted) { remove(`/jobs/${job.id}`).catch(complain); return; }
    this.element.dataset.job = job.id;
    cards.set(job.id, this);
    this.update(job);
    if (job.state === "done" || job.state === "failed") return;
    this.events = new EventSource(`${BASE}/jobs/${job.id}/events`);
    this.events.onmessage = ({ data }) => this.update(JSON.parse(data));
    this.events.onerror = () => this.events.readyState === EventSource.CLOSED && this.failed(say("upload_failed"));
  }

  update(job) {
    this.job = job;
    this.element.dataset.state = job.state;
    this.share(job.share);
    if (job.state === "queued") {
      text(this.state, job.ahead ? say("job_queued", job.ahead) : say("job_next"));
      this.hear(this.state.textContent);
    }
    if (job.state === "running") {
      text(this.state, job.share ? say("job_running", percent(job.share)) : say("job_next"));
      text(this.left, job.seconds_left === null ? "" : say("job_left", duration(job.seconds_left)));
      const step = Math.floor(STEPS * job.share);
      if (step > this.step && step < STEPS) this.hear(`${this.state.textContent} ${this.left.textContent}`);
      this.step = step;
    }
    if (job.state === "failed") this.failed(job.error);
    if (job.state === "done") this.done(job);
  }

  failed(error) {
    this.events?.close();
    this.element.dataset.state = "failed";
    text(this.state, `${say("job_failed")}. ${error}`);
    text(this.left, "");
    this.progress.hidden = true;
    this.hear(this.state.textContent);
  }

  done(job) {
    this.events?.close();
    if (this.shown) return;
    this.shown = true;
    this.progress.remove();
    this.status.remove();
    const { links } = job;
    const download = make("a", { class: "button primary", href: links.result, download: true, "aria-label": say("download_of", job.name) }, say("download"));
    this.head.insertBefore(download, this.delete);
    if (links.before) this.element.prepend(make("div", { class: "shown" }, pictures(job).element));
    else if (links.preview) this.element.prepend(make("div", { class: "shown" }, ...player(job)));
    this.element.classList.toggle("wide", Boolean(links.before || links.preview));
    if (job.report) this.body.append(report(job));
    if (this.heard) this.hear(say("job_done", this.body.querySelector(".report li")?.textContent ?? ""));
    const choices = job.report && faceChoices(job.report, (wishes) => this.again(wishes));
    if (choices) this.body.append(choices);
  }

  async again(wishes) {
    try {
      const job = await post(`/jobs/${this.job.id}/again`, { stand_in: wishes });
      const card = new JobCard(job.name);
      list.prepend(card.element);
      card.follow(job);
      card.element.scrollIntoView({ block: "nearest" });
      card.delete.focus({ preventScroll: true });
    } catch (error) {
      complain(error);
    }
  }

  async gone() {
    this.events?.close();
    this.deleted = true;
    // Where the next tab goes on from, and what is read next.
    if (this.element.contains(document.activeElement)) list.focus({ preventScroll: true });
    this.element.remove();
    announce(this.name, say("deleted"));
    if (!this.job) return;
    cards.delete(this.job.id);
    await remove(`/jobs/${this.job.id}`).catch(complain);
  }
}

function pictures(job) {
  const stage = new Stage(job.name);
  const both = ["before", "after"].map((which) => {
    const image = new Image();
    image.src = job.links[which];
    return image.decode().then(() => image);
  });
  Promise.all(both).then(([before, after]) => {
    stage.keep(() => stage.showTwo(before, 0, after, 0, after.naturalWidth, after.naturalHeight));
  }, complain);
  return stage;
}

const clockTime = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function player(job) {
  const stage = new Stage(job.name);
  const video = newVideo(stage);
  const over = new AbortController();
  video.loop = true;
  video.src = job.links.preview;
  const draw = () => video.videoWidth && stage.show(video, video.videoWidth, video.videoHeight);
  eachPicture(video, draw, over.signal);
  video.addEventListener("loadeddata", draw);
  video.addEventListener("seeked", draw);
  const play = make("button", { type: "button", class: "plain", "aria-label": say("pause"), onclick: () => (video.paused ? video.play() : video.pause()) }, icon("pause"));
  const sound = make("button", { type: "button", class: "plain", "aria-label": say("sound_on") }, icon("quiet"));
  sound.addEventListener("click", () => {
    video.muted = !video.muted;
    sound.setAttribute("aria-label", say(video.muted ? "sound_on" : "sound_off"));
    sound.replaceChildren(icon(video.muted ? "quiet" : "loud"));
  });
  const place = make("input", { type: "range", min: 0, max: 1000, value: 0, "aria-label": say("position") });
  const time = make("span", { class: "time" }, "0:00");
  const shows = (key) => () => { play.setAttribute("aria-label", say(key)); play.replaceChildren(icon(key)); };
  video.addEventListener("play", shows("pause"));
  video.addEventListener("pause", shows("play"));
  video.addEventListener("timeupdate", () => {
    if (document.activeElement !== place || !video.paused) place.value = 1000 * video.currentTime / (video.duration || 1);
    text(time, `${clockTime(video.currentTime)} / ${clockTime(video.duration || 0)}`);
    place.setAttribute("aria-valuetext", time.textContent);
  });
  place.addEventListener("input", () => { video.currentTime = place.value / 1000 * (video.duration || 0); });
  return [stage.element, make("div", { class: "player" }, play, place, time, sound)];
}

// What came of a file, in words.
function report({ report: told, kind }) {
  const faces = told.faces, masked = faces.filter((face) => face.masked_frames > 0);
  const lines = [];
  if (!faces.length) lines.push(say("report_no_faces"));
  else if (!masked.length) lines.push(say("report_no_masks", faces.length));
  else if (kind === "picture") lines.push(say("report_pictures", masked.length, faces.length));
  else lines.push(say("report_faces", masked.length, faces.length, Math.max(...masked.map((face) => face.masked_frames))));
  for (const face of faces) {
    for (const [reason, frames] of Object.entries(face.left_alone)) lines.push(say("report_left_alone", face.number, frames, reason));
  }
  if (told.unfollowed) lines.push(say("report_unfollowed"));
  lines.push(...told.warnings);
  const took = duration(Math.max(1, told.seconds));
  return make(
    "ul", { class: "report" }, ...lines.map((line) => make("li", {}, line)),
    make("li", { class: "quiet" }, kind === "picture" ? say("report_time", took, told.engine) : say("report_speed", told.frames, took, told.engine)),
  );
}

// A server takes few files at a time from one visitor, so they go there one after the other.
let sent = Promise.resolve();

function bring(file) {
  const name = file.name || "pasted.png";
  if (limits && file.size > limits.upload_bytes) {
    complain(new Error(say("upload_too_large", name, size(limits.upload_bytes))));
    return;
  }
  const card = new JobCard(name);
  list.prepend(card.element);
  text(card.state, say("job_waiting"));
  sent = sent.then(() => card.deleted || send(card, file));
}

async function send(card, file) {
  card.uploading(0);
  try {
    card.follow(await upload(file, (share) => card.uploading(share)));
  } catch (error) {
    card.failed(error.message || say("upload_failed"));
  }
}

export function begin(server) {
  limits = server.limits;
  text(document.getElementById("drop-text"), say("drop_text", duration(limits.keep_seconds)));
  text(document.getElementById("drop-limits"), say("drop_limits", size(limits.upload_bytes), duration(limits.upload_seconds)));
  const input = document.getElementById("file");
  document.getElementById("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => { [...input.files].forEach(bring); input.value = ""; });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) { location.hash = "try"; files.forEach(bring); }
  });
  addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const files = [...event.dataTransfer.files];
    if (files.length) { location.hash = "try"; files.forEach(bring); }
  });
}

export async function enter() {
  const { jobs } = await ask("/jobs");
  for (const job of jobs.reverse()) {
    if (cards.has(job.id) || job.state === "uploading") continue;
    const card = new JobCard(job.name);
    list.prepend(card.element);
    card.follow(job);
  }
}
