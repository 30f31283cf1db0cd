// Making elements, and putting texts into them: every text comes from strings.json.
import S from "./strings.js";

export function say(key, ...values) {
  return S[key].replace(/\{(\d)\}/g, (_, place) => values[place]);
}

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else if (value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function drawing(attributes, ...paths) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  for (const path of paths) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    svg.append(line);
  }
  return svg;
}

export const icons = {
  knob: "m9 6-6 6 6 6m6-12 6 6-6 6",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14m8-14v14",
  quiet: "M4 9v6h4l5 4V5L8 9zm13 1 4 4m0-4-4 4",
  loud: "M4 9v6h4l5 4V5L8 9zm12.500-.5a5 5 0 0 1 0 7m2.500-9.500a9 9 0 0 1 0 12",
};

export const icon = (name) => drawing({ viewBox: "0 0 24 24" }, icons[name]);

export function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return say("seconds", whole);
  if (whole < 3600) return say("minutes", Math.round(whole / 60));
  return say("hours", Math.round(whole / 360) / 10);
}

export function size(bytes) {
  const mega = bytes / 2 ** 20;
  return mega < 1 ? `${Math.max(1, Math.round(1024 * mega))} kB` : `${mega < 100 ? Math.round(10 * mega) / 10 : Math.round(mega)} MB`;
}

export const percent = (share) => `${Math.floor(100 * share)} %`;

const announcer = document.getElementById("announcer");
const SPOKEN = 20000;

// For those who listen to the page instead of looking at it: what begins, how far it is, and how it ends.
export function announce(name, words) {
  const line = make("p", {}, `${name}: ${words}`);
  announcer.append(line);
  setTimeout(() => line.remove(), SPOKEN);
}

const notice = document.getElementById("notice");
let noticed;

// What went wrong, for a while, where everybody sees and hears it.
export function complain(error) {
  text(notice, say("error", error.message || String(error)));
  notice.hidden = false;
  clearTimeout(noticed);
  noticed = setTimeout(() => { notice.hidden = true; }, 12000);
}
