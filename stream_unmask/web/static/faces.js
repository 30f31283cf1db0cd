// Choosing which stand-in a face wears.
import { BASE, ask } from "./api.js";
import { make, say } from "./dom.js";

let groups = 0;

function tile(group, value, checked, label, number) {
  return make(
    "label", { class: "tile" },
    number ? make("img", { src: `${BASE}/stand-ins/${number}`, alt: "", loading: "lazy", width: 72, height: 72 }) : label,
    make("input", { type: "radio", name: group, value, checked, "aria-label": label }),
  );
}

function tiles(legend, numbers, chosen, others) {
  const group = `face-${groups += 1}`;
  return make(
    "fieldset", { class: "face" }, make("legend", {}, legend),
    make(
      "div", { class: "tiles" },
      ...numbers.map((number) => tile(group, number, number === chosen, say("stand_in", number), number)),
      ...others.map(([value, key]) => tile(group, value, value === chosen, say(key))),
    ),
  );
}

// A row for each face of a report; nothing where none wears a stand-in or could.
export function faceChoices(report, again) {
  const faces = report.faces.filter((face) => face.masked_frames > 0 && face.fitting.length);
  if (!faces.length) return null;
  const rows = faces.slice(0, 12).map((face) => {
    const numbers = [...new Set([...(face.stand_in ? [face.stand_in] : []), ...face.fitting])].slice(0, 8);
    const words = face.stand_in ? say("face_wears", face.number, face.stand_in) : `${say("face_number", face.number)}: ${say("face_alone")}`;
    const row = tiles(words, numbers, face.stand_in ?? "none", [["none", "stand_in_none"]]);
    row.dataset.face = face.number;
    return row;
  });
  const button = make("button", { type: "button", disabled: true, onclick: () => again(wishes(rows)) }, say("again"));
  const form = make("div", { class: "faces" }, make("h3", {}, say("faces_title")), make("p", {}, say("faces_text")), ...rows, make("p", {}, button));
  form.addEventListener("change", () => { button.disabled = false; });
  return form;
}

function wishes(rows) {
  return Object.fromEntries(rows.map((row) => {
    const { value } = row.querySelector(":checked");
    return [row.dataset.face, value === "none" ? "none" : Number(value)];
  }));
}

// Some stand-ins to choose from for whoever sits before a webcam.
export async function webcamChoices(chosen) {
  const { count } = await ask("/stand-ins");
  if (!count) return null;
  const step = Math.max(1, Math.floor(count / 9));
  const numbers = Array.from({ length: Math.min(9, count) }, (_, place) => 1 + place * step);
  const form = tiles(say("webcam_face"), numbers, "auto", [["auto", "stand_in_auto"]]);
  form.addEventListener("change", (event) => chosen(event.target.value === "auto" ? null : Number(event.target.value)));
  return form;
}
