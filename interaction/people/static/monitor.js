// The researcher's page: asks once a second where the sessions stand. The token is in the address behind #, which
// no browser sends to a server.
"use strict";
(() => {
  const token = location.hash.slice(1);
  const main = document.getElementById("main");
  const COLUMNS = {
    participant: (one) => one.participant,
    condition: (one) => one.condition,
    session: (one) => one.session,
    state: (one) => one.state,
    at: (one) => (one.shows === "turn" ? `episode ${one.episode}, round ${one.round}` : (one.shows ?? "")),
    events: (one) => one.events,
    "last event": (one) => (one.last ? new Date(one.last).toLocaleTimeString() : ""),
    "what the partner believes": (one) => (one.belief ?? []).map(({ name, value }) => `${name}: ${value}`).join("\n"),
  };

  function element(name, content, parent) {
    const made = document.createElement(name);
    made.textContent = content;
    parent.append(made);
    return made;
  }

  function table(columns, rows) {
    const made = document.createElement("table");
    const head = made.createTHead().insertRow();
    for (const name of Object.keys(columns)) element("th", name, head).scope = "col";
    const body = made.createTBody();
    for (const one of rows) {
      const row = body.insertRow();
      for (const cell of Object.values(columns)) element("td", cell(one), row);
    }
    return made;
  }

  async function look() {
    let told;
    try {
      const answer = await fetch("monitor/sessions", { headers: { Authorization: `Bearer ${token}` } });
      told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
    } catch (error) {
      document.getElementById("alert").textContent = `Not up to date: ${error.message}`;
      return;
    }
    document.getElementById("alert").textContent = "";
    const counts = Object.entries(told.counts).map(([condition, count]) => ({ condition, ...count }));
    const counted = { condition: (one) => one.condition };
    for (const name of ["finished", "running", "dropped"]) counted[name] = (one) => one[name];
    main.replaceChildren();
    element("h1", told.study, main);
    main.append(table(counted, counts), table(COLUMNS, told.sessions));
  }

  look();
  setInterval(look, 1000);
})();
