// The line to the server: it keeps what is not accepted yet, comes back by itself, and sends that again, in order.
"use strict";

const PAUSES = [0.3, 1, 2, 4, 8, 15]; // s, before each new attempt to connect
const HEARTBEAT = 10; // s
const MOST_WAITING = 50; // messages, after which nothing more is noted but the clock's offset, once a line
const TAKEN_OVER = 4001; // the codes with which the server ends a line for good
const NO_SESSION = [4403, 4404];

class Line {
  // `page` is told what comes: show, thinking, refused, replaced, apology, offset, lost(seconds), back.
  constructor(address, page) {
    this.address = address;
    this.page = page;
    this.queue = []; // messages that are not accepted yet, in order
    this.sequence = 0; // of the next one
    this.epoch = null;
    this.socket = null;
    this.greeted = false; // whether this line has been answered
    this.stopped = false; // taken over, or at its end
    this.attempts = 0;
    this.retrying = null;
    this.unanswered = false; // a ping without its pong
    this.pings = [];
    this.left_out = 0; // of what is noted, while too much waited
    window.addEventListener("offline", () => this.stopped || this.lost());
    window.addEventListener("online", () => this.stopped || this.greeted || this.connect());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || this.stopped) return; // else it may have slept, and the line with it
      if (this.greeted) this.beat();
      else this.connect();
    });
    setInterval(() => this.beat(), HEARTBEAT * 1000);
  }

  connect() {
    clearTimeout(this.retrying);
    const socket = new WebSocket(this.address);
    const old = this.socket;
    this.socket = socket;
    this.stopped = this.greeted = this.unanswered = false;
    old?.close();
    socket.onopen = () => this.transmit({ type: "hello", epoch: this.epoch });
    socket.onmessage = (event) => socket === this.socket && this.receive(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (socket !== this.socket || this.stopped) return;
      if (NO_SESSION.includes(event.code)) location.reload();
      else if (event.code === TAKEN_OVER) this.end("replaced", {});
      else this.lost();
    };
  }

  transmit(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  post(type, round, payload) {
    if (this.stopped) return;
    if (type === "noted" && payload.what !== "offset" && this.queue.length >= MOST_WAITING) {
      this.left_out++;
      return;
    }
    const message = { type, sequence: this.sequence++, round, payload };
    this.queue.push(message);
    if (this.greeted) this.transmit({ ...message, epoch: this.epoch });
  }

  // Whether something that changes what is shown is under way.
  get pending() {
    return this.queue.some((one) => one.type !== "noted");
  }

  lost() {
    const old = this.socket;
    this.socket = null;
    this.greeted = false;
    old?.close();
    clearTimeout(this.retrying);
    const pause = PAUSES[Math.min(this.attempts++, PAUSES.length - 1)] * (0.8 + 0.4 * Math.random());
    const due = performance.now() + pause * 1000;
    const count = () => {
      const left = due - performance.now();
      if (this.attempts > 1 || !navigator.onLine) this.page.lost(Math.max(0, Math.ceil(left / 1000)));
      if (left <= 0) this.connect();
      else this.retrying = setTimeout(count, Math.min(1000, left));
    };
    count();
  }

  receive(message) {
    if (message.type === "show") {
      if (!this.greeted) this.greet(message);
      this.page.show(message);
    } else if (message.type === "accepted") this.settle(message.sequence);
    else if (message.type === "thinking") this.page.thinking();
    else if (message.type === "refused") {
      this.queue = this.queue.filter((one) => one.type === "noted");
      this.greeted = false; // what is to be shown comes next, with the sequence that is expected
      this.page.refused(message);
    } else if (message.type === "pong") this.pong(message);
    else if (message.type === "replaced" || message.type === "apology") this.end(message.type, message);
  }

  // The first word of the server on a line: what of the queue has come through, and what is to be sent again.
  greet(message) {
    this.settle(message.sequence - 1);
    const same = this.page.same(message); // else what was done belongs to another turn
    this.queue = this.queue.filter((one) => one.type === "noted" || same);
    this.sequence = message.sequence;
    this.epoch = message.epoch;
    this.greeted = true;
    for (const one of this.queue) {
      one.sequence = this.sequence++;
      this.transmit({ ...one, epoch: this.epoch });
    }
    if (this.attempts > 0) this.page.back();
    this.attempts = 0;
    this.pings = [];
    for (const wait of [0, 150, 300]) setTimeout(() => this.ping(), wait);
  }

  settle(last) {
    while (this.queue.length && this.queue[0].sequence <= last) this.queue.shift();
    if (this.queue.length || !this.left_out) return;
    const value = this.left_out;
    this.left_out = 0;
    this.post("noted", null, { what: "left_out", value });
  }

  stop() {
    this.stopped = true;
    this.socket?.close();
  }

  end(kind, message) {
    if (kind === "replaced") {
      this.epoch = null; // who goes on here is the newest again
      this.queue = [];
    }
    this.stop();
    this.page[kind](message);
  }

  ping() {
    this.transmit({ type: "ping", at: performance.now() });
  }

  pong(message) {
    const now = performance.now();
    this.unanswered = false;
    if (this.pings.length === 3) return;
    this.pings.push({ round_trip: now - message.at, offset: message.server - (now + message.at) / 2 });
    if (this.pings.length < 3) return;
    this.page.offset(this.pings.reduce((best, one) => (one.round_trip < best.round_trip ? one : best)));
  }

  beat() {
    if (this.stopped || !this.greeted) return;
    if (this.unanswered) return this.lost();
    this.unanswered = true;
    this.ping();
  }
}
