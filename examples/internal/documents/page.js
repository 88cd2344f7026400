const perPage = 20;

let user = null;    // who is logged in
let former = null;  // who was, when the session ended
let editing = null; // the document in the editor, as it was when that began
let clean = ["", ""]; // what the editor holds while nothing is typed
let page = 0;
let back = null;    // what had the focus when the session ended

// Tabs share their cookies. What is typed as one user is not written as another
// who has logged in since.
async function meet() {
  const { answer: me } = await ask("GET", "/api/auth/me");
  if (me.user ? me.user.id !== user.id : !me.renewable) throw new SessionEnded(me.user?.name);
}

async function call(method, path, body) {
  if (method !== "GET") await meet();
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
  if (error instanceof SessionEnded) return ended(error.other);
  if (!(error instanceof Refusal)) throw error;
  const long = form && /^body\.too_/.test(error.code) && [...form.elements].filter(slotOf).sort((a, b) => b.value.length - a.value.length)[0];
  if (long) {
    complain(long, "This is too long.");
    return long.focus();
  }
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
  if (!form) $("notice").scrollIntoView({ block: "nearest" });
}

const sender = form => form?.querySelector("button:not([type])");

// hold keeps a form from being sent until the server takes it again.
function hold(form, { status, wait }) {
  const until = Date.now() + wait * 1000;
  const button = sender(form);
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
    const value = field.type === "password" ? field.value : field.value?.trim();
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
  sender(form)?.setAttribute("aria-disabled", "true");
  try { await task(form); } catch (error) { fail(form, error); } finally {
    if (form) form.busy = false;
    if (!form?.held) sender(form)?.removeAttribute("aria-disabled");
  }
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
  $("activity").hidden = user.role !== "admin";
  $("initial").textContent = Array.from(user.name)[0]?.toUpperCase() || "";
  $("login").reset();
  $("signup").reset();
  view("in");
  (kept || $("editor-name")).focus();
  await attempt(null, () => load(0))(); // what goes wrong now is not the login's
  await attempt(null, devices)();
}

// ended shows the login and leaves what was typed where it is. Where nothing
// was, the page goes on with whoever else has logged in.
function ended(other = "") {
  if (other && !dirty()) return attempt(null, enter)();
  const held = document.activeElement;
  back = $("editor").contains(held) ? held : $("editor-content");
  [former, user] = [user || former, null];
  if ($("confirm").open) $("confirm").close("no");
  gate("login", "Log in to go on", (other ? `${other} has logged in in another tab.` : "Your session has ended.") + (dirty() ? " What you typed is still here." : ""));
  if (former?.email) $("login-email").value = former.email;
  $("list").replaceChildren();
  view("ended");
  (former?.email ? $("login-password") : $("login-email")).focus();
}

$("login").onsubmit = attempt($("login"), async form => {
  await ask("POST", "/api/auth/login", { email: form.elements.email.value, password: form.elements.password.value });
  tabs.postMessage("login");
  await enter();
});

$("signup").onsubmit = attempt($("signup"), async form => {
  const email = form.elements.email.value, password = form.elements.password.value;
  await ask("POST", "/users", { email, password, name: form.elements.name.value });
  await ask("POST", "/api/auth/login", { email, password });
  tabs.postMessage("login");
  await enter();
  toast("Welcome. Your account is ready.");
});

$("to-signup").onclick = () => { gate("signup", "Create an account"); $("signup-name").focus(); };
$("to-login").onclick = () => { gate("login", "Log in"); $("login-email").focus(); };

$("logout").onclick = attempt(null, async () => {
  if (!await free()) return;
  await listing.catch(() => {});
  await ask("POST", "/api/auth/logout");
  tabs.postMessage("logout");
  [user, former, back] = [null, null, null];
  resetEditor();
  $("list").replaceChildren();
  gate("login", "Log in");
  view("out");
  $("login-email").focus();
  toast("You are logged out.");
});

// What happens in another tab is seen at once, or when this one is looked at.
async function look() {
  if (user) await meet();
  else if (former && (await ask("GET", "/api/auth/me")).answer.user?.id === former.id) await enter();
}
const tabs = new BroadcastChannel("session");
tabs.onmessage = () => look().catch(error => { if (error instanceof SessionEnded) ended(error.other); });
document.onvisibilitychange = () => { if (!document.hidden) tabs.onmessage(); };
