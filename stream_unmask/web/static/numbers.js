// Figures of the last minutes as small charts, and the newest as words.
import { ask } from "./api.js";
import { drawing, duration, make, say, text } from "./dom.js";

const KEPT = 120, WIDE = 200, HIGH = 44;
const place = document.getElementById("charts");
const sections = new Map();
let kept = [];
let server = null;

class Chart {
  constructor(label, digits = 0) {
    this.digits = digits;
    this.value = make("dd", {}, "–");
    this.svg = drawing({ viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none" }, "", "");
    [this.area, this.line] = this.svg.children;
    this.area.setAttribute("class", "area");
    this.element = make("div", { class: "chart" }, make("dt", {}, label), this.value, this.svg);
  }

  show(values) {
    const newest = values.at(-1);
    text(this.value, newest == null ? "–" : newest.toFixed(this.digits));
    const most = Math.max(...values.map((value) => value ?? 0), 1e-9) * 1.1;
    const points = [];
    values.forEach((value, index) => {
      if (value == null) return;
      points.push(`${(WIDE * (index + KEPT - values.length) / (KEPT - 1)).toFixed(1)} ${(HIGH - HIGH * value / most).toFixed(1)}`);
    });
    const line = points.length > 1 ? `M${points.join("L")}` : "";
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", line && `${line}L${points.at(-1).split(" ")[0]} ${HIGH}L${points[0].split(" ")[0]} ${HIGH}z`);
  }
}

class Section {
  constructor(title, charts, pairs) {
    this.charts = charts;
    this.pairs = new Map(pairs.map((key) => [key, make("dd")]));
    this.element = make(
      "section", { class: "card", "aria-label": title },
      make(
        "div", { class: "card-body" }, make("h2", {}, title),
        make("dl", { class: "pairs" }, ...[...this.pairs].map(([key, value]) => make("div", {}, make("dt", {}, say(key)), value))),
      ),
      make("dl", { class: "charts" }, ...Object.values(charts).map((chart) => chart.element)),
    );
    place.append(this.element);
  }

  say(key, words) {
    text(this.pairs.get(key), String(words));
  }
}

function cameraSection(name) {
  const charts = {
    fps: new Chart(say("chart_fps"), 1), delay: new Chart(say("chart_delay")),
    dropped: new Chart(say("chart_dropped"), 1), faces: new Chart(say("chart_faces")),
  };
  return new Section(name, charts, ["numbers_frames", "numbers_dropped", "numbers_reconnects", "numbers_viewers"]);
}

function serverSection() {
  const charts = {
    cores: new Chart(say("chart_cores"), 2), memory: new Chart(say("chart_memory")), threads: new Chart(say("chart_threads")),
  };
  return new Section(say("numbers_server"), charts, ["numbers_engine", "numbers_version", "numbers_uptime", "numbers_restarts"]);
}

function draw(newest) {
  for (const [name, section] of sections) {
    if (name && !newest.inputs.some((input) => input.name === name)) { section.element.remove(); sections.delete(name); }
  }
  for (const input of newest.inputs) {
    if (!sections.has(input.name)) sections.set(input.name, cameraSection(input.name));
    const section = sections.get(input.name);
    const own = kept.map(({ inputs }) => inputs.find(({ name }) => name === input.name) ?? {});
    section.charts.fps.show(own.map(({ fps }) => fps));
    section.charts.delay.show(own.map(({ delay_p95_ms: delay }) => delay));
    section.charts.dropped.show(own.map(({ dropped }, index) => (index ? Math.max(0, dropped - (own[index - 1].dropped ?? dropped)) : 0)));
    section.charts.faces.show(own.map(({ faces }) => faces));
    section.say("numbers_frames", input.frames);
    section.say("numbers_dropped", input.dropped);
    section.say("numbers_reconnects", input.reconnects);
    section.say("numbers_viewers", input.viewers);
  }
  if (!sections.has("")) sections.set("", serverSection());
  const section = sections.get("");
  place.append(section.element);
  section.charts.cores.show(kept.map(({ process }) => process.cores));
  section.charts.memory.show(kept.map(({ process }) => process.memory_bytes / 1e6));
  section.charts.threads.show(kept.map(({ process }) => process.threads));
  section.say("numbers_restarts", newest.worker_restarts);
  if (server) {
    section.say("numbers_engine", server.engine || "–");
    section.say("numbers_version", server.version);
    section.say("numbers_uptime", duration(server.uptime + (Date.now() - server.at) / 1000));
  }
}

let visible = false, newest = null;

export function add(numbers) {
  newest = numbers;
  if (kept.length && kept.at(-1).time === numbers.time) return;
  kept = [...kept, numbers].slice(-KEPT);
  if (visible) draw(numbers);
}

export async function enter() {
  visible = true;
  const [told, numbers] = await Promise.all([ask("/server"), ask("/numbers")]);
  server = { ...told, at: Date.now() };
  kept = numbers.kept.slice(-KEPT);
  newest = numbers.newest;
  if (newest?.inputs) draw(newest);
}

export const leave = () => { visible = false; };
