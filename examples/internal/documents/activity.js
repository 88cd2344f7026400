// The page: the table of the events, its filters, and the counters.

const maxRows = 100;
const names = new Map([["", "nobody"]]); // of the callers, by id

let me = {};
let stream = null;
let paused = false;
let arrived = [];   // records that are not in the table yet, the oldest first
let missed = 0;     // records that never came

const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

// ---- The table.

// The roles are said again because a narrow window shows rows as blocks, and
// some browsers then forget that they are rows.
function cell(name, ...content) {
  const made = element("td", {}, ...content);
  made.setAttribute("role", "cell");
  made.dataset.name = name;
  return made;
}

function line(record) {
  const at = new Date(record.timestamp);
  const who = names.get(record.userId) || record.userId;
  const show = element("button", { type: "button", className: "link", textContent: "Show" });
  const made = element("tr", { className: record.level.toLowerCase() },
    cell("Time", element("time", { dateTime: record.timestamp, textContent: time.format(at) })),
    cell("Event", element("strong", { textContent: record.event }), element("span", { className: "quiet", textContent: [record.level, record.reason].filter(Boolean).join(" · ") })),
    cell("Caller", element("span", { textContent: who }), element("span", { className: "quiet", textContent: record.ip })),
    cell("Request", element("span", { textContent: `${record.method} ${record.path}` }), element("span", { className: "quiet", textContent: record.status ? "answered " + record.status : "" })),
    cell("Record", show));
  made.setAttribute("role", "row");
  let raw = null;
  const label = () => {
    show.textContent = raw ? "Hide" : "Show";
    show.setAttribute("aria-expanded", String(Boolean(raw)));
    show.setAttribute("aria-label", `${show.textContent} the record of ${record.event} at ${time.format(at)}`);
  };
  show.onclick = () => {
    if (raw) raw.remove();
    else made.after(open());
    raw = raw ? null : made.nextSibling;
    label();
  };
  label();
  const open = () => {
    const whole = cell("", rawOf(record)), row = element("tr", { className: "raw" }, whole);
    row.setAttribute("role", "row");
    whole.colSpan = 5;
    return row;
  };
  return made;
}

let rendering = 0;
function soon() {
  if (!rendering) rendering = setTimeout(() => { rendering = 0; show(); }, 100);
}

// show moves what has arrived into the table.
function show() {
  const waiting = arrived.length;
  $("pause").textContent = !paused ? "Pause" : waiting === 0 ? "Go on" : `Go on (${waiting}${waiting >= maxRows ? " or more" : ""} new)`;
  $("missed").hidden = missed === 0;
  $("missed").textContent = plural(missed, "event") + " came faster than this page could read. The log has them.";
  if (paused || waiting === 0) return;
  const last = arrived.at(-1);
  for (const record of arrived) offer(record.userId);
  $("rows").prepend(...arrived.splice(0).map(line).reverse());
  const rows = [...$("rows").children];
  let count = 0;
  for (const one of rows) {
    if (!one.classList.contains("raw")) count++;
    if (count > maxRows) one.remove();
  }
  $("none").hidden = true;
  announce(last, waiting);
}

// announce tells of the newest event, at most every three seconds: with more, a
// screen reader would never come to an end.
let newest = null, heard = 0, telling = 0;
function announce(record, count) {
  [newest, heard] = [record, heard + count];
  if (telling) return;
  tell();
  telling = setTimeout(() => { telling = 0; if (heard > 0) announce(newest, 0); }, 3000);
}

function tell() {
  const many = heard > 1 ? `${heard} new events. The newest: ` : "The newest: ";
  heard = 0;
  $("newest").textContent = `${many}${newest.event} at ${time.format(new Date(newest.timestamp))}, by ${names.get(newest.userId) || newest.userId}${newest.status ? ", answered " + newest.status : ""}.`;
}

// ---- The filters.

// offer adds a caller to the filter. The list is bounded like all else.
function offer(id) {
  if (id === "" || [...$("caller").options].some(option => option.value === id) || $("caller").options.length > 50) return;
  $("caller").append(element("option", { value: id, textContent: names.get(id) || id }));
}

const states = {
  live: () => "Live",
  again: () => "Connecting again",
  resting: () => "Resting. Move to go on",
  busy: wait => `Too many pages are open. Next try in ${plural(Math.ceil(wait), "second")}`,
  ended: () => "Ended",
  forbidden: () => "Ended",
};

function state(name, wait) {
  $("state").textContent = states[name](wait);
  $("state").dataset.state = name;
  if (name === "ended") over("Your session has ended. Log in on the page of the documents to go on.");
  if (name === "forbidden") over("Another account has logged in in this browser, which is not an administrator.");
}

function over(text) {
  stream?.stop();
  clearInterval(polling);
  $("notice").replaceChildren(text + " ", element("a", { href: "/", textContent: "Documents" }));
}

function begin() {
  stream?.stop();
  [arrived, missed] = [[], 0];
  $("rows").replaceChildren();
  $("none").hidden = false;
  const query = new URLSearchParams(Object.entries({ kind: $("kind").value, caller: $("caller").value }).filter(([, value]) => value));
  stream = follow(query.size ? "?" + query : "", {
    onRecord: record => {
      arrived.push(record);
      if (arrived.length > maxRows) arrived.shift();
      soon();
      refreshSoon();
    },
    onMissed: count => { missed += count; soon(); },
    onState: state,
    ready: atWork,
  });
}
$("kind").onchange = $("caller").onchange = begin;
$("pause").onclick = () => {
  paused = !paused;
  show();
};

// ---- The counters.

async function refresh() {
  try {
    draw(await asAdmin("GET", "/admin/activity/counters"));
    return true;
  } catch (refusal) {
    if (refusal.status === 401) state("ended");
    if (refusal.status === 403) state("forbidden");
  }
}

// A session ends when nobody uses it. What the page asks for by itself must not
// look like a use for ever: it asks only for ten minutes after the last touch.
// An open stream is not a use and goes on, but the next one waits for a touch.
const restless = 600_000; // milliseconds
let touched = Date.now();
let waking = [];
for (const kind of ["pointerdown", "pointermove", "keydown", "scroll", "focus"]) {
  addEventListener(kind, () => {
    touched = Date.now();
    waking.splice(0).forEach(wake => wake());
  }, { passive: true });
}
const watched = () => !document.hidden && Date.now() - touched < restless;
const atWork = () => {
  if (Date.now() - touched < restless) return;
  state("resting");
  return new Promise(resolve => waking.push(resolve));
};

let due = 0;
function refreshSoon() {
  if (!due) due = setTimeout(() => { due = 0; if (watched()) refresh(); }, 3000);
}

async function refreshAll() {
  if (await refresh()) await tables();
}

const polling = setInterval(() => { if (watched()) refreshAll(); }, 10_000);
new BroadcastChannel("session").onmessage = refresh;

(async () => {
  $("attacks").append(...attacks.map(attackCard));
  try {
    me = (await asAdmin("GET", "/api/auth/me")).user || {};
    $("name").textContent = me.name || "";
    for (const one of (await asAdmin("GET", "/admin/users?limit=100")).items) {
      names.set(one.id, one.name);
      $("key-owner").append(element("option", { value: one.id, textContent: one.name }));
    }
  } catch { /* the stream says what is wrong */ }
  await refreshAll();
  begin();
})();
