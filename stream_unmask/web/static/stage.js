// Before and after in one place, with a line between them that mouse, touch and arrow keys move.
import { icon, make, say, text } from "./dom.js";

export class Stage {
  constructor(name) {
    this.canvas = make("canvas", { width: 16, height: 9, role: "img", "aria-label": say("stage", name) });
    this.split = make("input", {
      type: "range", class: "stage-split", min: 0, max: 100, step: 1, value: 50,
      "aria-label": say("slider", name), "aria-valuetext": say("slider_percent", 50),
    });
    this.word = make("p", { class: "stage-word" });
    this.element = make(
      "div", { class: "stage idle" }, this.canvas, this.split,
      make("div", { class: "stage-line" }, make("span", { class: "stage-knob" }, icon("knob"))),
      make("span", { class: "stage-name before", "aria-hidden": "true" }, say("before")),
      make("span", { class: "stage-name after", "aria-hidden": "true" }, say("after")),
      this.word,
    );
    this.split.addEventListener("input", () => this.moved());
    this.element.addEventListener("pointerdown", (event) => this.take(event));
    this.element.addEventListener("pointermove", (event) => this.element.hasPointerCapture(event.pointerId) && this.drag(event));
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.moved();
  }

  take(event) {
    if (event.button || this.element.classList.contains("idle")) return;
    this.element.setPointerCapture(event.pointerId);
    this.split.focus({ preventScroll: true });
    this.drag(event);
    event.preventDefault();
  }

  drag(event) {
    const place = this.element.getBoundingClientRect();
    this.split.value = 100 * (event.clientX - place.left) / place.width;
    this.moved();
  }

  moved() {
    const value = Number(this.split.value);
    this.element.style.setProperty("--split", `${value}%`);
    this.split.setAttribute("aria-valuetext", say("slider_percent", value));
    if (this.again) this.again();
  }

  // Both pictures are in one, the one before on the left.
  show(source, width, height) {
    this.keep(() => this.showTwo(source, 0, source, width / 2, width / 2, height));
  }

  // Draw now, and again when the line moves.
  keep(draw) {
    draw();
    this.again = draw;
  }

  // A picture from `left` on of one source, and one from `right` on of another; each so wide and high.
  showTwo(before, left, after, right, width, height) {
    const { canvas, context } = this;
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.shape(width, height);
    }
    const cut = Math.round(width * this.split.value / 100);
    if (cut < width) context.drawImage(after, right + cut, 0, width - cut, height, cut, 0, width - cut, height);
    if (cut > 0) context.drawImage(before, left, 0, cut, height, 0, 0, cut, height);
    this.element.classList.remove("idle");
  }

  // The place that a picture of this size takes.
  shape(width, height) {
    this.element.style.setProperty("--ratio", width / height);
  }

  say(words) {
    text(this.word, words);
  }

  clear() {
    this.again = null;
    this.element.classList.add("idle");
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }
}
