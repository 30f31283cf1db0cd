// The page as a whole: which view is shown, whether the visitor is let in, and what the server says once a second.
import { BASE, ask, post } from "./api.js";
import { complain, say, text } from "./dom.js";
import * as files from "./files.js";
import * as numbers from "./numbers.js";
import * as watch from "./watch.js";
import * as webcam from "./webcam.js";

const VIEWS = {
  watch: { enter: watch.enter, leave: watch.leave },
  try: { enter: files.enter, leave: webcam.leave },
  numbers: { enter: numbers.enter, leave: numbers.leave },
};
const connection = document.getElementById("server");
let view = null;
let events = null;

function connected(state) {
  connection.firstElementChild.dataset.state = state;
  text(connection.lastElementChild, say({ live: "server_connected", away: "server_away", connecting: "server_connecting" }[state]));
}

function show(name, focus) {
  if (view === name) return;
  if (view) VIEWS[view].leave();
  view = name;
  for (const each of Object.keys(VIEWS)) document.getElementById(each).hidden = each !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${say(`${name}_title`)} · ${say("title")}`;
  if (focus) document.getElementById("main").focus({ preventScroll: true });
  scrollTo(0, 0);
  Promise.resolve(VIEWS[name].enter()).catch(complain);
}

const wanted = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "watch");

function listen() {
  events?.close();
  events = new EventSource(`${BASE}/events`);
  events.onopen = () => connected("live");
  events.onmessage = ({ data }) => {
    const told = JSON.parse(data);
    watch.showInputs(told.inputs);
    numbers.add(told);
  };
  events.onerror = () => {
    connected("away");
    watch.serverAway();
    // A browser gives up on a server that answers with an error; we do not.
    if (events.readyState === EventSource.CLOSED) setTimeout(enter, 1500);
  };
}

let begun = false;

async function enter() {
  let session;
  try {
    session = await ask("/session");
  } catch {
    setTimeout(enter, 1500);
    return;
  }
  if (!session.let_in) { lock(); return; }
  document.getElementById("login").hidden = true;
  document.querySelector("nav").hidden = false;
  const server = await ask("/server");
  if (server.trouble) complain(new Error(say("trouble", server.trouble)));
  if (!begun) {
    begun = true;
    files.begin(server);
    webcam.begin();
    watch.showInputs((await ask("/inputs")).inputs);
  }
  show(wanted());
  listen();
}

// A browser opens few connections to a server, for all its tabs: those that nobody sees leave theirs to others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) events?.close();
  else if (view) listen();
});

function lock() {
  events?.close();
  if (view) VIEWS[view].leave();
  view = null;
  for (const each of Object.keys(VIEWS)) document.getElementById(each).hidden = true;
  document.querySelector("nav").hidden = true;
  document.getElementById("login").hidden = false;
  document.getElementById("token").focus();
}

async function open(token) {
  try {
    await post("/session", { token });
    await enter();
  } catch (error) {
    lock();
    complain(error.status === 401 ? new Error(say("login_wrong")) : error);
  }
}

document.getElementById("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  open(field.value.trim());
  field.value = "";
});
document.addEventListener("locked", lock);
addEventListener("hashchange", () => {
  if (takeToken() || location.hash === "#main") return;
  if (begun && !document.querySelector("nav").hidden) show(wanted(), true);
});

// The address that was printed brings the token behind a hash, which is sent nowhere and is taken away at once.
function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", location.pathname + location.search);
  open(decodeURIComponent(found[1]));
  return true;
}

connected("connecting");
if (!takeToken()) enter().catch(complain);
