// The researcher's page: asks once a second where the sessions stand. The token is in the address behind #, which
// no browser sends to a server.
"use strict";
(() => {
  const token = location.hash.slice(1);
  const main = document.getElementById("main");
  const alert = document.getElementById("alert");

  const counts = {
    condition: (one) => one.condition,
    finished: (one) => one.finished,
    running: (one) => one.running,
    dropped: (one) => one.dropped,
  };
  const sessions = {
    participant: (one) => one.participant,
    condition: (one) => one.condition,
    session: (one) => one.session,
    state: (one) => (one.failed ? `${one.state}: ${one.failed}` : one.state),
    shows: (one) => (one.shows === "turn" ? `episode ${one.episode}, round ${one.round}` : (one.shows ?? "")),
    events: (one) => one.events,
    "last event": (one) => (one.last ? new Date(one.last).toLocaleTimeString("en-GB") : ""),
    "what the partner believes": (one) => belief(one.belief ?? []),
  };

  function element(name, ...content) {
    const made = document.createElement(name);
    made.append(...content);
    return made;
  }

  function belief(parameters) {
    const list = element("dl");
    for (const { name, weights, text } of parameters) {
      const told = element("dd", text ?? "");
      for (const [value, weight] of weights ?? []) {
        const meter = element("meter", `${Math.round(100 * weight)} %`);
        meter.value = weight;
        meter.title = `${Math.round(100 * weight)} %`;
        told.append(element("span", value, meter));
      }
      list.append(element("dt", name), told);
    }
    return list;
  }

  function table(columns, rows) {
    const made = document.createElement("table");
    const head = made.createTHead().insertRow();
    for (const name of Object.keys(columns)) {
      const cell = element("th", name);
      cell.scope = "col";
      head.append(cell);
    }
    const body = made.createTBody();
    for (const one of rows) {
      const row = body.insertRow();
      row.className = one.state ?? "";
      for (const cell of Object.values(columns)) row.append(element("td", cell(one)));
    }
    return made;
  }

  async function look() {
    try {
      const answer = await fetch("monitor/sessions", { headers: { Authorization: `Bearer ${token}` } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
      alert.textContent = "";
      const counted = Object.entries(told.counts).map(([condition, count]) => ({ condition, ...count }));
      const newest = told.sessions.reverse();
      main.replaceChildren(element("h1", told.study), table(counts, counted), table(sessions, newest));
    } catch (error) {
      alert.textContent = `Not up to date: ${error.message}`;
    }
    setTimeout(look, 1000);
  }

  look();
})();
