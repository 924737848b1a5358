// What a participant sees and does: the page shows what the server says, and tells what is done, with the times of it.
// All texts and all that is drawn come from Python. Times are those of performance.now, in ms.
"use strict";
(() => {
  const MOST_POINTS = 2000; // of a path; a longer one is kept more coarsely
  const by = (id) => document.getElementById(id);
  const texts = JSON.parse(document.body.dataset.texts);
  const main = by("main");
  const progress = document.querySelector("progress");

  let current = null; // what is shown: the server's message
  let shown = null; // when the frame was drawn that showed it
  let open = false; // whether input is taken
  let path = []; // of the pointer since then: [ms since shown, x, y]
  let spacing = 0; // least ms between two points of it
  let pressed = null;
  let cross = null; // where the keys have moved the cross of a plane
  const held = new Set(); // keys whose repeat is noted already

  // --- what the server says ---------------------------------------------------------------------------------------

  const address = new URL(document.body.dataset.socket, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const line = new Line(address, {
    show(message) {
      notice("");
      if (same(message) && (open || line.pending)) return; // nothing typed is lost
      draw(message);
      if (message.kind === "end") line.stop(); // the code stays, whatever becomes of the server
    },
    same,
    thinking() {
      notice(texts.thinking, false, true);
      say(texts.thinking);
    },
    refused(message) {
      const reason = texts.refused.replace("{reason}", message.reason ?? "");
      (main.querySelector(".error") ?? by("alert")).textContent = reason;
      open = true; // what was typed is kept, and can be mended
      main.removeAttribute("aria-busy");
      main.querySelector(".chosen")?.classList.remove("chosen");
    },
    replaced: () => instead("replaced"),
    apology(message) {
      instead("apology");
      main.querySelector("[data-code]").textContent = message.code ?? "";
    },
    lost(seconds) {
      const text = texts.lost.replace("{seconds}", seconds);
      if (!by("notice").parentElement.classList.contains("there")) say(text);
      notice(text, true);
    },
    back: () => say(texts.back),
    offset: (best) => note("offset", best),
  });

  function same(message) {
    return (
      current !== null && ["kind", "episode", "round", "html"].every((name) => current[name] === message[name])
    );
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

  function notice(text, retry = false, moving = false) {
    by("notice").textContent = text;
    const line = by("notice").parentElement;
    line.classList.toggle("there", text !== "");
    line.classList.toggle("moving", moving);
    line.querySelector("button").hidden = !retry;
  }

  const say = (text) => (by("said").textContent = text);

  function instead(name) {
    open = false;
    notice("");
    current = null;
    main.removeAttribute("aria-busy");
    main.dataset.kind = name;
    main.replaceChildren(by(name).content.cloneNode(true));
    refocus(null, false);
  }

  // --- what the person does -------------------------------------------------------------------------------------

  function give(type, payload) {
    if (!open || line.stopped || shown === null) return false;
    open = false;
    main.setAttribute("aria-busy", "true");
    by("alert").textContent = "";
    line.post(type, current.round ?? null, payload);
    return true;
  }

  function act(action, event, device) {
    if (event.timeStamp < shown) return false; // meant for what was shown before
    const payload = { action, shown, acted: event.timeStamp, by: device };
    if (pressed !== null && ["mouse", "touch", "pen"].includes(device)) payload.pressed = pressed;
    if (path.length) payload.path = path;
    return give("action", payload);
  }

  function choose(element, event) {
    const done = act(JSON.parse(element.dataset.action), event, event.pointerType || "key");
    if (done) element.classList.add("chosen");
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-action], [data-type=page], [data-copy], [data-connect]");
    if (!element) return;
    const { copy } = element.dataset;
    if (element.dataset.action) choose(element, event);
    else if (element.dataset.type === "page") give("page", {});
    else if (copy && navigator.clipboard)
      navigator.clipboard.writeText(copy).then(() => say((element.textContent = texts.copied)));
    else if (copy) getSelection().selectAllChildren(element.parentElement.querySelector("code"));
    else if ("connect" in element.dataset) line.connect();
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
    } else if (meant.dataset.action) {
      event.preventDefault(); // else a button would be clicked when the key is let go, which is later
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
    if (event.target.closest("[data-plane], [data-action]") && open && shown !== null) pressed = event.timeStamp;
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
    const round = current?.round ?? null;
    if (current && current.kind !== "end") line.post("noted", round, { what, at: performance.now(), value });
  }

  document.addEventListener("visibilitychange", () => note(document.hidden ? "hidden" : "visible"));
  window.addEventListener("blur", () => {
    held.clear(); // the end of a key is not heard elsewhere
    note("blur");
  });
  window.addEventListener("focus", () => note("focus"));

  line.connect();
})();
