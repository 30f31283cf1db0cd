// Every camera: before and after, how it is, and what can be done with it.
import { BASE, ask, clockOffset, post, remove } from "./api.js";
import { announce, complain, duration, make, say, size, text } from "./dom.js";
import { Stage } from "./stage.js";
import { Watcher } from "./ways.js";

const grid = document.getElementById("cameras");
const cards = new Map();
const clock = { offset: null };
let visible = false;

class Card {
  constructor(input) {
    this.name = input.name;
    const path = `/inputs/${encodeURIComponent(input.name)}`;
    this.stage = new Stage(input.name);
    if (input.width) this.stage.shape(input.width, input.height);
    this.watcher = new Watcher(input.name, this.stage, clock);
    this.dot = make("span", { class: "dot" });
    this.state = make("span");
    this.facts = make("ul", { class: "facts" });
    this.said = make("p", { class: "said" });
    this.snapshot = make("a", {
      class: "button", href: `${BASE}${path}/snapshot`, download: `${input.name}.jpg`, "aria-label": say("snapshot_of", input.name),
    }, say("snapshot"));
    this.record = make("button", { type: "button", onclick: () => this.doing(() => this.toggleRecording(path)) });
    this.power = make("button", { type: "button", class: "plain", onclick: () => this.doing(() => this.togglePower(path)) });
    this.element = make(
      "article", { class: "card camera", "data-name": input.name, "aria-label": input.name }, this.stage.element,
      make(
        "div", { class: "card-body" },
        make("div", { class: "card-head" }, make("h2", {}, input.name), make("p", { class: "pill" }, this.dot, this.state)),
        this.facts, this.said,
        make("div", { class: "actions" }, this.snapshot, this.record, this.power),
      ),
    );
    this.update(input);
  }

  // One thing at a time. The buttons stay enabled: one that is not loses the keyboard.
  async doing(what) {
    if (this.busy) return;
    this.busy = true;
    try {
      this.update(await what());
    } catch (error) {
      complain(error);
    } finally {
      this.busy = false;
    }
  }

  async toggleRecording(path) {
    if (this.input.recording_since === null) return post(`${path}/recording`);
    const input = await remove(`${path}/recording`);
    if (input.recorded) {
      text(this.said, say("recorded", input.recorded));
      announce(this.name, this.said.textContent);
    }
    return input;
  }

  togglePower(path) {
    return post(`${path}/${this.input.state === "stopped" ? "start" : "stop"}`);
  }

  update(input) {
    if (this.input?.recording_since && input.recording_since === null) listRecordings().catch(complain);
    const { state, name } = input;
    if (this.input && this.input.state !== state) announce(name, `${say(`state_${state}`)}. ${input.said}`);
    if (this.input?.recording_since === null && input.recording_since !== null) announce(name, say("recording_begun"));
    this.input = input;
    this.element.dataset.state = this.dot.dataset.state = state;
    text(this.state, say(`state_${state}`));
    const stopped = state === "stopped", shows = state === "live" || state === "lost";
    const recording = input.recording_since !== null;
    text(this.record, recording ? say("record_stop") : say("record"));
    this.record.setAttribute("aria-label", say(recording ? "record_stop_of" : "record_of", name));
    this.record.classList.toggle("on", recording);
    this.record.hidden = !shows;
    this.snapshot.hidden = !shows;
    text(this.power, stopped ? say("start") : say("stop"));
    this.power.classList.toggle("plain", !stopped);
    this.power.setAttribute("aria-label", say(stopped ? "start_of" : "stop_of", name));
    if (recording) text(this.said, say("recording", duration(Date.now() / 1000 - input.recording_since)));
    else if (!shows) text(this.said, stopped ? "" : input.said);
    else if (state === "lost") text(this.said, input.said);
    else if (!this.said.textContent.startsWith(say("recorded", ""))) text(this.said, "");
    this.play(shows && visible && !document.hidden);
    if (stopped) this.stage.clear();
    if (!this.watcher.way) this.stage.say(say(stopped ? "stage_stopped" : "stage_connecting"));
    this.tell();
  }

  away() {
    this.watcher.stop();
    this.element.dataset.state = this.dot.dataset.state = "away";
    text(this.state, say("state_away"));
    text(this.said, "");
    this.facts.replaceChildren();
    this.stage.say(say("state_away"));
  }

  play(wanted) {
    if (wanted) this.watcher.start();
    else this.watcher.stop();
  }

  tell() {
    const { input, watcher } = this, { delay } = watcher;
    const facts = [];
    if (input.state === "live") facts.push(say("facts_fps", input.fps.toFixed(1)));
    if (watcher.way && delay) facts.push(say("facts_delay", delay[0]), say("facts_delay_p95", delay[1]));
    if (input.state === "live") facts.push(say("facts_masked", input.faces));
    if (input.viewers > 1) facts.push(say("facts_viewers", input.viewers));
    if (watcher.way) facts.push(say(`way_${watcher.way}`));
    while (this.facts.children.length > facts.length) this.facts.lastChild.remove();
    facts.forEach((fact, place) => text(this.facts.children[place] ?? this.facts.appendChild(make("li")), fact));
    Object.assign(this.element.dataset, {
      way: watcher.way ?? "", pictures: watcher.pictures, p50: delay?.[0] ?? "", p95: delay?.[1] ?? "",
    });
  }
}

export function showInputs(inputs) {
  for (const [name, card] of cards) {
    if (inputs.some((input) => input.name === name)) continue;
    card.watcher.stop();
    card.element.remove();
    cards.delete(name);
  }
  for (const input of inputs) {
    const card = cards.get(input.name);
    if (card) card.update(input);
    else {
      const made = new Card(input);
      cards.set(input.name, made);
      grid.append(made.element);
    }
  }
  document.getElementById("no-cameras").hidden = inputs.length > 0;
}

// The server is away: nothing that it said last is true any more.
export function serverAway() {
  for (const card of cards.values()) card.away();
}

async function listRecordings() {
  const { recordings } = await ask("/recordings");
  document.getElementById("recordings").hidden = !recordings.length;
  document.getElementById("recordings-list").replaceChildren(...recordings.map((recording) => {
    const path = `/recordings/${encodeURIComponent(recording.name)}`;
    return make(
      "li", {}, make("a", { href: BASE + path, download: recording.name }, recording.name), make("span", { class: "quiet" }, size(recording.bytes)),
      make("button", {
        type: "button", class: "plain", "aria-label": say("delete_of", recording.name),
        onclick: () => remove(path).then(listRecordings, complain),
      }, say("delete")),
    );
  }));
}

function again() {
  for (const card of cards.values()) card.update(card.input);
}

export function enter() {
  visible = true;
  again();
  listRecordings().catch(complain);
  clockOffset().then((offset) => { clock.offset = offset; }, () => {});
}

export function leave() {
  visible = false;
  again();
}

document.addEventListener("visibilitychange", again);
// Said goodbye to, the server need not find out for itself.
addEventListener("pagehide", () => { for (const { watcher } of cards.values()) watcher.stop(); });
