// The page's side of a session: it shows what the server says, and sends what the person does, with the times of it.
// All texts and all that is drawn come from Python. Times are those of performance.now, in ms.
"use strict";
(() => {
  const PAUSES = [0.3, 1, 2, 4, 8, 15]; // s, before each new attempt to connect
  const HEARTBEAT = 10; // s
  const MOST_POINTS = 2000; // of a path; a longer one is kept more coarsely
  const by = (id) => document.getElementById(id);
  const texts = JSON.parse(document.body.dataset.texts);
  const main = by("main");
  const progress = document.querySelector("progress");
  const queue = []; // messages that are not accepted yet, in order: kept, and sent again on a new line

  let socket = null;
  let epoch = null;
  let sequence = 0; // of the next message
  let greeted = false; // whether this line has been answered
  let stopped = false; // taken over, or over
  let attempts = 0;
  let retrying = null;
  let unanswered = false; // a ping without its pong
  let pings = [];
  let current = null; // what is shown: the server's message
  let shown = null; // when the frame was drawn that showed it
  let open = false; // whether input is taken
  let path = []; // of the pointer since then: [ms since shown, x, y]
  let spacing = 0; // least ms between two points of it
  let pressed = null;
  let cross = null; // where the keys have moved the cross of a plane
  let held = new Set(); // keys whose repeat is noted already

  // --- the line -------------------------------------------------------------------------------------------------

  function connect() {
    clearTimeout(retrying);
    stopped = false;
    const address = new URL(document.body.dataset.socket, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const line = new WebSocket(address);
    socket?.close();
    socket = line;
    greeted = unanswered = false;
    line.onopen = () => transmit({ type: "hello", epoch });
    line.onmessage = (event) => line === socket && receive(JSON.parse(event.data));
    line.onclose = (event) => {
      if (line !== socket || stopped) return;
      if (event.code === 4403 || event.code === 4404) location.reload(); // no such session
      else if (event.code === 4001) replaced();
      else lost();
    };
  }

  function transmit(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function post(type, payload) {
    if (stopped) return;
    const round = current?.round ?? null;
    const message = { type, sequence: sequence++, round, payload };
    queue.push(message);
    if (greeted) transmit({ ...message, epoch });
  }

  function lost() {
    greeted = false;
    const old = socket;
    socket = null;
    old?.close();
    clearTimeout(retrying);
    const pause = PAUSES[Math.min(attempts++, PAUSES.length - 1)] * (0.8 + 0.4 * Math.random());
    const due = performance.now() + pause * 1000;
    const count = () => {
      const seconds = Math.max(0, Math.ceil((due - performance.now()) / 1000));
      if (attempts > 1 || seconds > 1 || !navigator.onLine) notice(texts.lost.replace("{seconds}", seconds), true);
      if (performance.now() >= due) connect();
      else retrying = setTimeout(count, Math.min(1000, due - performance.now()));
    };
    count();
    if (attempts === 2) say(by("notice").textContent);
  }

  function receive(message) {
    if (message.type === "show") show(message);
    else if (message.type === "accepted") settle(message.sequence);
    else if (message.type === "thinking") thinking();
    else if (message.type === "refused") refused(message);
    else if (message.type === "replaced") replaced();
    else if (message.type === "apology") apology(message);
    else if (message.type === "pong") pong(message);
  }

  function settle(last) {
    while (queue.length && queue[0].sequence <= last) queue.shift();
  }

  function show(message) {
    if (!greeted) {
      greeted = true;
      epoch = message.epoch;
      if (attempts > 1) say(texts.back);
      attempts = 0;
      settle(message.sequence - 1);
      const kept = queue.filter((one) => one.type === "noted" || same(message)); // else it was of another turn
      sequence = message.sequence;
      queue.length = 0;
      for (const one of kept) queue.push({ ...one, sequence: sequence++ });
      for (const one of queue) transmit({ ...one, epoch });
      pings = [];
      for (const wait of [0, 150, 300]) setTimeout(ping, wait);
    }
    notice("");
    if (same(message) && (open || queue.some((one) => one.type !== "noted"))) return; // nothing typed is lost
    draw(message);
  }

  function same(message) {
    return (
      current !== null &&
      ["kind", "episode", "round", "html"].every((name) => current[name] === message[name])
    );
  }

  function refused(message) {
    alert(texts.refused.replace("{reason}", message.reason ?? ""));
    queue.splice(0, queue.length, ...queue.filter((one) => one.type === "noted"));
    current = null; // what is to be shown comes next, with the sequence that is expected
    greeted = false;
  }

  // --- what is shown --------------------------------------------------------------------------------------------

  function draw(message) {
    const focused = main.contains(document.activeElement) ? mark(document.activeElement) : null;
    const turning = current?.kind === "turn" && message.kind === "turn";
    current = message;
    main.innerHTML = message.html; // escaped by Python; the policy of the page lets no script run
    main.dataset.kind = message.kind;
    main.removeAttribute("aria-busy");
    delete main.dataset.shown;
    if (message.progress) {
      progress.hidden = false;
      progress.value = message.progress.done / Math.max(1, message.progress.of);
    }
    if (!turning) window.scrollTo(0, 0);
    refocus(focused, turning);
    say(main.querySelector("[data-said]")?.dataset.said ?? "");
    shown = pressed = null;
    path = [];
    spacing = 0;
    cross = null;
    open = true;
    requestAnimationFrame((time) => {
      shown = time; // the frame that is about to be drawn
      main.dataset.shown = time;
    });
  }

  const mark = (element) => element.id || element.dataset.key || element.dataset.action || element.dataset.plane;

  function refocus(focused, turning) {
    const all = [...main.querySelectorAll("button, input, select, textarea, [tabindex]")];
    const again = focused && turning && all.find((element) => mark(element) === focused);
    const heading = main.querySelector("h1");
    if (again) again.focus({ preventScroll: true });
    else if (!turning && heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }

  function thinking() {
    notice(texts.thinking, false, true);
    say(texts.thinking);
  }

  function notice(text, retry = false, moving = false) {
    by("notice").textContent = text;
    const line = by("notice").parentElement;
    line.classList.toggle("there", text !== "");
    line.classList.toggle("moving", moving);
    line.querySelector("button").hidden = !retry;
  }

  const say = (text) => (by("said").textContent = text);
  const alert = (text) => (by("alert").textContent = text);

  function instead(name) {
    stopped = true;
    open = false;
    notice("");
    current = null;
    main.removeAttribute("aria-busy");
    main.dataset.kind = name;
    main.replaceChildren(by(name).content.cloneNode(true));
    refocus(null, false);
  }

  function replaced() {
    instead("replaced");
    epoch = null;
    queue.length = 0;
    socket?.close();
  }

  function apology(message) {
    instead("apology");
    main.querySelector("[data-code]").textContent = message.code ?? "";
  }

  // --- what the person does -------------------------------------------------------------------------------------

  function give(type, payload) {
    if (!open || stopped || shown === null) return false;
    open = false;
    main.setAttribute("aria-busy", "true");
    alert("");
    post(type, payload);
    return true;
  }

  function act(action, event, device) {
    const payload = { action, shown, acted: event.timeStamp, by: device || "key" };
    if (pressed !== null) payload.pressed = pressed;
    if (path.length) payload.path = path;
    return give("action", payload);
  }

  function choose(element, event) {
    const done = act(JSON.parse(element.dataset.action), event, event.pointerType);
    if (done) element.classList.add("chosen");
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-action], [data-type=page], [data-copy], [data-command]");
    if (!element) return;
    const { copy, command } = element.dataset;
    if (element.dataset.action) choose(element, event);
    else if (element.dataset.type === "page") give("page", {});
    else if (copy) navigator.clipboard?.writeText(copy).then(() => say((element.textContent = texts.copied)));
    else if (command === "connect") connect();
    else if (command === "reload") location.reload();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-template]");
    if (!form) return;
    event.preventDefault();
    const wrong = form.querySelector(":invalid:not(fieldset)");
    const error = form.querySelector(".error");
    error.textContent = "";
    form.classList.add("tried");
    if (wrong) {
      error.textContent = wrong.validity.valueMissing ? texts.required : wrong.validationMessage;
      return wrong.focus();
    }
    const value = filled(form);
    if (form.dataset.type === "answer") give("answer", { values: value });
    else act(value, event, "form");
  });

  const READ = {
    number: (control) => (control.value === "" ? null : Number(control.value)),
    text: (control) => control.value,
    flag: (control) => control.checked,
    bit: (control) => Number(control.checked),
  };

  function filled(form) {
    const value = { root: JSON.parse(form.dataset.template) };
    for (const control of form.querySelectorAll("[data-path]")) {
      if (control.type === "radio" && !control.checked) continue;
      put(value, ["root", ...JSON.parse(control.dataset.path)], READ[control.dataset.kind](control));
    }
    return value.root;
  }

  function put(value, keys, entry) {
    const last = keys.at(-1);
    keys.slice(0, -1).reduce((inner, key) => inner[key], value)[last] = entry;
  }

  document.addEventListener("input", (event) => {
    const output = event.target.parentElement.querySelector("output");
    if (output) output.textContent = Number(Number(event.target.value).toPrecision(3));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    const plane = event.target.closest("[data-plane]");
    if (plane && steer(plane, event)) return event.preventDefault();
    const pushes = event.key === "Enter" || event.key === " ";
    const focused = pushes && event.target.closest("button, a, [data-action]");
    const keyed = [...main.querySelectorAll("[data-key]")];
    const meant = focused || keyed.find((one) => one.dataset.key.toLowerCase() === event.key.toLowerCase());
    if (!meant) return;
    if (event.repeat) {
      event.preventDefault();
      if (!held.has(event.key)) note("key_repeat", event.key);
      held.add(event.key);
    } else if (meant.dataset.action && !(focused && focused.tagName === "BUTTON")) {
      event.preventDefault();
      choose(meant, event);
    }
  });

  document.addEventListener("keyup", (event) => held.delete(event.key));

  // --- a plane: an element of SVG in whose coordinates a press is an action ---------------------------------------

  function put_point(plane, point, event, device) {
    const { template, origin, x, y, time } = JSON.parse(plane.dataset.plane);
    const value = { root: template };
    put(value, ["root", ...x], point.x - origin[0]);
    put(value, ["root", ...y], point.y - origin[1]);
    if (time) put(value, ["root", ...time], Math.max(0, event.timeStamp - shown) / 1000);
    act(value.root, event, device);
  }

  const inside = (plane, x, y) => new DOMPoint(x, y).matrixTransform(plane.getScreenCTM().inverse());
  const short = (number) => Number(number.toFixed(5));

  function follow(time, point) {
    const since = time - shown;
    if (shown === null || since < 0 || (path.length && since - path.at(-1)[0] < spacing)) return;
    path.push([Number(since.toFixed(2)), short(point.x), short(point.y)]);
    if (path.length >= MOST_POINTS) {
      spacing = Math.max(4, 2 * spacing);
      path = path.filter((one, index) => index % 2 === 0);
    }
  }

  document.addEventListener("pointermove", (event) => {
    const plane = main.querySelector("[data-plane]");
    if (!plane || !open) return;
    for (const one of event.getCoalescedEvents?.() ?? [event])
      follow(one.timeStamp, inside(plane, one.clientX, one.clientY));
  });

  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest("[data-plane]") && open && shown !== null) pressed = event.timeStamp;
  });

  document.addEventListener("pointerup", (event) => {
    const plane = event.target.closest("[data-plane]");
    if (!plane || !open || pressed === null || event.button !== 0) return;
    const point = inside(plane, event.clientX, event.clientY);
    follow(event.timeStamp, point);
    put_point(plane, point, event, event.pointerType);
  });

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  function steer(plane, event) {
    const { origin, low, high, step } = JSON.parse(plane.dataset.plane);
    cross ??= { x: origin[0], y: origin[1] };
    const arrow = ARROWS[event.key];
    if (arrow) {
      const size = step * (event.shiftKey ? 5 : 1);
      const held = (value, axis) => Math.min(high[axis], Math.max(low[axis], value));
      cross = { x: held(cross.x + size * arrow[0], 0), y: held(cross.y + size * arrow[1], 1) };
      const drawn = plane.querySelector("[data-cross]");
      drawn?.setAttribute("transform", `translate(${cross.x} ${cross.y})`);
      drawn?.setAttribute("visibility", "visible");
      follow(event.timeStamp, cross);
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.repeat) put_point(plane, cross, event, "key");
    } else return false;
    return true;
  }

  // --- what is noted beside ---------------------------------------------------------------------------------------

  function note(what, value) {
    if (current && current.kind !== "end") post("noted", { what, at: performance.now(), value });
  }

  document.addEventListener("visibilitychange", () => note(document.hidden ? "hidden" : "visible"));
  window.addEventListener("blur", () => note("blur"));
  window.addEventListener("focus", () => note("focus"));
  window.addEventListener("offline", () => stopped || lost());
  window.addEventListener("online", () => stopped || greeted || connect());

  const ping = () => transmit({ type: "ping", at: performance.now() });

  function pong(message) {
    const now = performance.now();
    unanswered = false;
    if (pings.length >= 3) return;
    pings.push({ round_trip: now - message.at, offset: message.server - (now + message.at) / 2 });
    if (pings.length < 3) return;
    note("offset", pings.reduce((best, one) => (one.round_trip < best.round_trip ? one : best)));
  }

  setInterval(() => {
    if (stopped || !greeted) return;
    if (unanswered) return lost();
    unanswered = true;
    ping();
  }, HEARTBEAT * 1000);

  connect();
})();
