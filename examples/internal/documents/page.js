
"use strict";
const $ = id => document.getElementById(id);
const perPage = 20;

let user = null;    // who is logged in
let former = null;  // who was, when the session ended
let editing = null; // the id of the document in the editor
let page = 0;
let back = null;    // what had the focus when the session ended

// ---- What the server is asked. Tokens live in cookies that this script uses
// and never sees.

class Refusal extends Error {
  constructor(status, problem, wait = 0) {
    super(problem.detail || problem.title || "The server did not say why it refused this.");
    Object.assign(this, { status, code: problem.code, errors: problem.errors || [], wait });
  }
}
class SessionEnded extends Error {}

async function ask(method, path, body) {
  let response, text;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    text = await response.text(); // a body that nobody reads keeps the request open
  } catch {
    throw new Refusal(0, { detail: "The server cannot be reached. Nothing was lost: try again." });
  }
  const json = (response.headers.get("Content-Type") || "").includes("json");
  const answer = json && text ? JSON.parse(text) : {};
  if (!response.ok) throw new Refusal(response.status, answer, Number(response.headers.get("Retry-After")));
  return { answer, total: Number(response.headers.get("X-Total-Count")) };
}

// One tab refreshes for all: two that do it at once look like a thief.
const alone = task => navigator.locks ? navigator.locks.request("refresh", task) : task();

const renew = () => alone(async () => {
  const { answer: me } = await ask("GET", "/api/auth/me");
  if (me.user || !me.renewable) return Boolean(me.user);
  try {
    await ask("POST", "/api/auth/refresh");
    return true;
  } catch (refusal) {
    if (refusal.status !== 401) throw refusal;
    await ask("POST", "/api/auth/logout"); // so that the next visit does not try again
    return false;
  }
});

async function call(method, path, body) {
  for (const again of [true, false]) {
    try {
      return await ask(method, path, body);
    } catch (refusal) {
      if (refusal.status !== 401) throw refusal;
      if (!again || !await renew()) throw new SessionEnded();
    }
  }
}

// ---- What is wrong, beside where it is wrong.

const messageOf = form => form ? form.querySelector(".message") : $("notice");
const slotOf = field => $(field.id + "-error");

function complain(field, text) {
  slotOf(field).textContent = text;
  field.toggleAttribute("aria-invalid", false);
  if (text) field.setAttribute("aria-invalid", "true");
}

function clear(form) {
  messageOf(form).textContent = $("notice").textContent = "";
  for (const field of form ? form.elements : []) if (slotOf(field)) complain(field, "");
}

function sentence({ code, params, detail }) {
  const limit = params?.limit, many = Number(limit).toLocaleString("en");
  if (code === "required" || code === "pattern" || code === "min_length" && limit === 1) return "This needs some text. Blanks and markup do not count.";
  if (code === "min_length") return `Use at least ${many} characters.`;
  if (code === "max_length") return `Use at most ${many} characters.`;
  return detail;
}

function fail(form, error) {
  if (error instanceof SessionEnded) return ended();
  if (!(error instanceof Refusal)) throw error;
  const rest = [];
  let first = null;
  for (const one of error.errors) {
    const field = form?.elements[one.pointer.slice(1)];
    if (!field || !slotOf(field)) { rest.push(one.detail); continue; }
    complain(field, sentence(one));
    first ||= field;
  }
  if (error.wait > 0) hold(form, error);
  else if (!first || rest.length) messageOf(form).textContent = rest.join(" ") || error.message;
  first?.focus();
}

// hold keeps a form from being sent until the server takes it again.
function hold(form, { status, wait }) {
  const until = Date.now() + wait * 1000;
  const button = form?.querySelector("button:not([type])");
  const timer = Object.assign(document.createElement("span"), { className: "timer" });
  timer.setAttribute("role", "timer");
  messageOf(form).replaceChildren(status === 429 ? "That was too often. You can go on in " : "The server is busy. You can go on in ", timer);
  if (form) form.held = true;
  button?.setAttribute("aria-disabled", "true");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0 && timer.isConnected) {
      const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60].map(n => String(n).padStart(2, "0"));
      timer.textContent = left < 60 ? `${left} s` : parts.slice(left < 3600 ? 1 : 0).join(":").replace(/^0/, "");
      return setTimeout(tick, 250);
    }
    if (timer.isConnected) messageOf(form).textContent = "You can go on now.";
    if (form) form.held = false;
    button?.removeAttribute("aria-disabled");
  };
  tick();
}

// check finds what the server would refuse anyway.
function check(form) {
  let first = null;
  for (const field of form.elements) {
    const value = (field.value || "").trim();
    let text = "";
    if (field.required && !value) text = "This needs some text.";
    else if (field.type === "email" && field.validity.typeMismatch) text = "This is not an e-mail address.";
    else if (field.minLength > field.value?.length) text = `Use at least ${field.minLength} characters.`;
    if (!text) continue;
    complain(field, text);
    first ||= field;
  }
  first?.focus();
  return !first;
}

const attempt = (form, task) => async event => {
  event?.preventDefault();
  if (form?.held || form?.busy) return;
  clear(form);
  if (form && !check(form)) return;
  if (form) form.busy = true;
  try { await task(form); } catch (error) { fail(form, error); } finally { if (form) form.busy = false; }
};

let fading;
function toast(text) {
  $("toast").textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").textContent = ""; }, 6000);
}

// ---- Coming and going.

const view = name => { document.documentElement.dataset.view = name; };

function gate(which, title, lead = "") {
  $("login").hidden = which !== "login";
  $("signup").hidden = which !== "signup";
  $("gate-title").textContent = title;
  $("gate-lead").textContent = lead;
}

async function enter() {
  const { answer: me } = await ask("GET", "/api/auth/me");
  if (!me.user) throw new Refusal(0, { detail: "The browser has not kept the cookies. Over plain http it may need another name: try localhost, or start the program with -tls." });
  if (former?.id !== me.user.id) resetEditor();
  const kept = back;
  [user, former, back] = [me.user, null, null];
  $("name").textContent = user.name;
  $("role").textContent = user.role;
  $("initial").textContent = Array.from(user.name)[0]?.toUpperCase() || "";
  $("login").reset();
  $("signup").reset();
  view("in");
  (kept || $("editor-name")).focus();
  await attempt(null, () => load(0))(); // what goes wrong now is not the login's
}

// ended shows the login and leaves what was typed where it is.
function ended() {
  const held = document.activeElement;
  back = $("editor").contains(held) ? held : $("editor-content");
  [former, user] = [user || former, null];
  gate("login", "Log in to go on", "Your session has ended. What you typed is still here.");
  if (former?.email) $("login-email").value = former.email;
  $("list").replaceChildren();
  view("ended");
  (former?.email ? $("login-password") : $("login-email")).focus();
}

$("login").onsubmit = attempt($("login"), async form => {
  await ask("POST", "/api/auth/login", { email: form.elements.email.value, password: form.elements.password.value });
  await enter();
});

$("signup").onsubmit = attempt($("signup"), async form => {
  const email = form.elements.email.value, password = form.elements.password.value;
  await ask("POST", "/users", { email, password, name: form.elements.name.value });
  await ask("POST", "/api/auth/login", { email, password });
  await enter();
  toast("Welcome. Your account is ready.");
});

$("to-signup").onclick = () => { gate("signup", "Create an account"); $("signup-name").focus(); };
$("to-login").onclick = () => { gate("login", "Log in"); $("login-email").focus(); };

$("logout").onclick = attempt(null, async () => {
  await ask("POST", "/api/auth/logout");
  [user, former, back] = [null, null, null];
  resetEditor();
  $("list").replaceChildren();
  gate("login", "Log in");
  view("out");
  $("login-email").focus();
  toast("You are logged out.");
});

// ---- Documents.

const mine = item => item.owner_id === user.id;
const may = (action, item) => user.may[action] === "all" || user.may[action] === "own" && mine(item);

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// The content is HTML that the server has cleaned. It is shown in a frame that
// may run nothing and submit nothing. It has this page's origin only so that
// this page can measure it.
const nonce = document.currentScript.nonce;
const trusted = window.trustedTypes?.createPolicy("document", { createHTML: text => text }) || { createHTML: text => text };
const head = `<!doctype html><html lang="en"><meta charset="utf-8"><base target="_blank"><title>Document</title><style nonce="${nonce}">
  :root { color-scheme: light dark; font: 100%/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
  body { color: light-dark(#171a2b, #e9ebf5); background: light-dark(#fff, #181b28); margin: 0; padding: 1rem clamp(1rem, 4vw, 1.5rem); }
  body > :first-child { margin-top: 0; } body > :last-child { margin-bottom: 0; }
  a { color: light-dark(#4f46e5, #a5b0ff); } img { max-width: 100%; } pre { white-space: pre-wrap; }
  table { border-collapse: collapse; } td, th { border: 1px solid light-dark(#dcdfea, #2d3246); padding: .25rem .6rem; }
  blockquote { border-left: 3px solid light-dark(#dcdfea, #2d3246); margin-inline: 0; padding-left: 1rem; }
</style>`;

function frame(item) {
  const made = element("iframe", { title: "Content of " + item.title });
  made.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
  const fit = () => { made.style.height = made.contentDocument.documentElement.offsetHeight + "px"; };
  made.onload = () => {
    fit();
    new ResizeObserver(fit).observe(made.contentDocument.documentElement);
  };
  made.srcdoc = trusted.createHTML(head + item.content);
  return made;
}

const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

function card(item) {
  const title = element("h3", { textContent: item.title, tabIndex: -1, id: "document-" + item.id });
  const meta = element("p", { className: "meta quiet" }, element("time", { dateTime: item.created_at, textContent: moment.format(new Date(item.created_at)) }));
  if (!mine(item)) meta.append(element("span", { className: "badge", textContent: "of another account" }));
  const actions = element("div", { className: "actions" });
  const act = (name, className, task) => {
    const button = element("button", { type: "button", className, textContent: name, onclick: task });
    button.setAttribute("aria-label", `${name} ${item.title}`);
    actions.append(button);
  };
  if (may("update", item)) act("Edit", "quiet-button", () => edit(item));
  if (may("delete", item)) act("Delete", "danger", attempt(null, () => remove(item)));
  const made = element("article", { className: "card document" }, element("div", { className: "document-head" }, element("div", {}, title, meta), actions));
  made.setAttribute("aria-labelledby", title.id);
  if (item.content) made.append(frame(item));
  return made;
}

async function load(which) {
  const { answer, total } = await call("GET", `/documents?limit=${perPage}&offset=${which * perPage}`);
  const pages = Math.max(1, Math.ceil(total / perPage));
  if (which >= pages) return load(pages - 1);
  page = which;
  const empty = element("p", { className: "empty", textContent: "Nothing here yet. Your first document goes above." });
  $("list").replaceChildren(...(answer.items.length ? answer.items.map(card) : [empty]));
  const from = page * perPage + 1;
  $("count").textContent = total === 0 ? "" : total === 1 ? "1 document" : pages === 1 ? `${total} documents` : `${from}–${from + answer.items.length - 1} of ${total}`;
  $("pager").hidden = pages === 1;
  $("page").textContent = `Page ${page + 1} of ${pages}`;
  $("newer").toggleAttribute("disabled", page === 0);
  $("older").toggleAttribute("disabled", page === pages - 1);
}

const turn = step => attempt(null, async () => {
  await load(page + step);
  $("shelf-title").focus();
});
$("newer").onclick = turn(-1);
$("older").onclick = turn(1);

function resetEditor() {
  editing = null;
  $("editor").reset();
  clear($("editor"));
  $("editor-title").textContent = "New document";
  $("cancel").textContent = "Clear";
}
$("cancel").onclick = event => { event.preventDefault(); resetEditor(); $("editor-name").focus(); };

function edit(item) {
  resetEditor();
  editing = item.id;
  $("editor-title").textContent = "Edit document";
  $("cancel").textContent = "Cancel";
  $("editor-name").value = item.title;
  $("editor-content").value = item.content;
  $("editor-name").focus();
  $("editor").scrollIntoView({ block: "center" });
}

$("editor").onsubmit = attempt($("editor"), async form => {
  if (!user) return ended();
  const changed = editing;
  const body = { title: form.elements.title.value, content: form.elements.content.value };
  try {
    await (changed ? call("PUT", "/documents/" + encodeURIComponent(changed), body) : call("POST", "/documents", body));
  } catch (error) {
    if (!changed || error.status !== 404) throw error;
    editing = null;
    throw new Refusal(404, { detail: "This document was deleted in the meantime. Save again to keep your text as a new one." });
  }
  resetEditor();
  toast("Saved.");
  await load(changed ? page : 0);
  (changed && $("document-" + changed) || $("editor-name")).focus();
});

async function remove(item) {
  $("confirm-text").textContent = `“${item.title}” cannot be brought back.`;
  const dialog = $("confirm");
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise(resolve => { dialog.onclose = resolve; });
  if (dialog.returnValue !== "yes") return;
  try {
    await call("DELETE", "/documents/" + encodeURIComponent(item.id));
  } catch (error) {
    if (error.status !== 404) throw error; // somebody was faster
  }
  if (editing === item.id) editing = null;
  toast("Deleted.");
  await load(page);
  $("shelf-title").focus();
}

for (const form of document.forms) form.addEventListener("input", ({ target }) => { if (slotOf(target)) complain(target, ""); });

// Nobody is asked for what only somebody gets: this page first asks who it is
// that it talks to.
attempt(null, async () => {
  const { answer: me } = await ask("GET", "/api/auth/me");
  if (me.user || me.renewable && await renew()) return enter();
  view("out");
})().then(() => { if (document.documentElement.dataset.view === "loading") view("out"); });
