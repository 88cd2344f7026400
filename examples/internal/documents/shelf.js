// The documents: how they are listed, shown, written and deleted.

const mine = item => item.owner_id === user.id;
const may = (action, item) => user.may[action] === "all" || user.may[action] === "own" && mine(item);

// The content is HTML that the server has cleaned. It is shown in a frame that
// may run nothing and submit nothing. It has this page's origin only so that
// this page can measure it.
const nonce = document.currentScript.nonce;
const trusted = window.trustedTypes?.createPolicy("document", { createHTML: text => text }) || { createHTML: text => text };
const head = `<!doctype html><html lang="en"><meta charset="utf-8"><base target="_blank"><title>Document</title><style nonce="${nonce}">
  :root { color-scheme: light dark; font: 100%/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
  body { color: light-dark(#171a2b, #e9ebf5); background: light-dark(#fff, #181b28); margin: 0; padding: 1rem clamp(1rem, 4vw, 1.5rem); }
  body > :first-child { margin-top: 0; } body > :last-child { margin-bottom: 0; }
  p, li, td, th, blockquote, h1, h2, h3, h4, h5, h6 { unicode-bidi: plaintext; } h1, h2, h3, h4, h5, h6 { line-height: 1.3; margin-block: 1.2em .5em; }
  a { color: light-dark(#4f46e5, #a5b0ff); } hr { border: 0; border-top: 1px solid light-dark(#dcdfea, #2d3246); }
  code, kbd { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; } pre { background: light-dark(#f6f7fb, #0f111a); border-radius: .5rem; padding: .75rem 1rem; white-space: pre-wrap; }
  table { border-collapse: collapse; overflow-wrap: break-word; } td, th { border: 1px solid light-dark(#dcdfea, #2d3246); padding: .25rem .6rem; text-align: start; }
  .picture { border: 1px dashed light-dark(#878da4, #6d7592); border-radius: .5rem; display: inline-block; margin: .15rem 0; padding: .15rem .6rem; }
  blockquote { border-left: 3px solid light-dark(#dcdfea, #2d3246); margin-inline: 0; padding-left: 1rem; }
</style><body dir="auto">`;

// Pictures come from wherever the text says, and the policy of this page stops
// them. What stands in for one loads nothing.
function withoutPictures(content) {
  const parsed = new DOMParser().parseFromString(trusted.createHTML(content), "text/html");
  for (const picture of parsed.querySelectorAll("img")) {
    const source = picture.getAttribute("src");
    const made = parsed.createElement(source && !picture.closest("a") ? "a" : "span");
    if (made.localName === "a") Object.assign(made, { href: source, rel: "nofollow noreferrer noopener" });
    Object.assign(made, { className: "picture", textContent: "Picture: " + (picture.alt || "without a description") });
    picture.replaceWith(made);
  }
  return parsed.body.innerHTML;
}

function frame(item) {
  const made = element("iframe", { title: "Content of " + item.title });
  made.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
  const fit = () => { made.style.height = made.contentDocument.documentElement.offsetHeight + "px"; };
  made.onload = () => {
    fit();
    new ResizeObserver(fit).observe(made.contentDocument.documentElement);
  };
  made.srcdoc = trusted.createHTML(head + withoutPictures(item.content));
  return made;
}

const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

function card(item) {
  const title = element("h3", { textContent: item.title, dir: "auto", tabIndex: -1, id: "document-" + item.id });
  const meta = element("p", { className: "meta quiet" }, element("time", { dateTime: item.created_at, textContent: moment.format(new Date(item.created_at)) }));
  if (!mine(item)) meta.append(element("span", { className: "badge", textContent: "of another account" }));
  const actions = element("div", { className: "actions" });
  const act = (name, className, task) => {
    const button = element("button", { type: "button", className, textContent: name, onclick: task });
    button.setAttribute("aria-label", `${name} ${item.title}`);
    actions.append(button);
  };
  if (may("update", item)) act("Edit", "quiet-button", attempt(null, () => edit(item)));
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

const path = item => "/documents/" + encodeURIComponent(item.id);
const typed = () => [$("editor-name").value, $("editor-content").value];
const dirty = () => typed().some((text, i) => text !== clean[i]);

// free asks before what is typed is lost.
const free = async () => !dirty() || await sure("Discard what you typed?", ["The editor holds text that is not saved."], "Discard", "Go on writing");
window.onbeforeunload = event => { if (dirty()) event.preventDefault(); };

function resetEditor() {
  editing = null;
  clean = ["", ""];
  $("editor").reset();
  clear($("editor"));
  $("editor-title").textContent = "New document";
  $("cancel").textContent = "Clear";
}
$("cancel").onclick = event => { event.preventDefault(); resetEditor(); $("editor-name").focus(); };

// edit starts from what stands there now: the list may be old.
async function edit(item) {
  if (!await free()) return;
  const { answer: now } = await call("GET", path(item));
  resetEditor();
  editing = now;
  $("editor-title").textContent = "Edit document";
  $("cancel").textContent = "Cancel";
  $("editor-name").value = now.title;
  $("editor-content").value = now.content;
  clean = typed();
  $("editor-name").focus();
  $("editor").scrollIntoView({ block: "center" });
}

// unchanged throws where the document is not what it was when editing began.
async function unchanged() {
  const { answer: now } = await call("GET", path(editing));
  if (now.title === editing.title && now.content === editing.content) return;
  editing = now;
  throw new Refusal(409, { detail: "This document was changed since you opened it. Save again to put your text in its place." });
}

$("editor").onsubmit = attempt($("editor"), async form => {
  if (!user) return ended();
  const changed = editing;
  const body = { title: form.elements.title.value, content: form.elements.content.value };
  try {
    if (changed) await unchanged();
    await (changed ? call("PUT", path(changed), body) : call("POST", "/documents", body));
  } catch (error) {
    if (!changed || error.status !== 404) throw error;
    [editing, clean] = [null, ["", ""]];
    throw new Refusal(404, { detail: "This document was deleted in the meantime. Save again to keep your text as a new one." });
  }
  resetEditor();
  toast("Saved.");
  await load(changed ? page : 0);
  (changed && $("document-" + changed.id) || $("editor-name")).focus();
});

async function sure(title, text, yes, no) {
  const dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").replaceChildren(...text);
  $("confirm-yes").textContent = yes;
  $("confirm-no").textContent = no;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise(resolve => { dialog.onclose = resolve; });
  return dialog.returnValue === "yes";
}

async function remove(item) {
  const name = element("bdi", { textContent: `“${item.title}”` });
  if (!await sure("Delete this document?", [name, " cannot be brought back."], "Delete", "Keep it")) return;
  try {
    await call("DELETE", path(item));
  } catch (error) {
    if (error.status !== 404) throw error; // somebody was faster
  }
  if (editing?.id === item.id) [editing, clean] = [null, ["", ""]];
  toast("Deleted.");
  await load(page);
  $("shelf-title").focus();
}

for (const form of document.forms) form.addEventListener("input", ({ target }) => {
  if (slotOf(target)) complain(target, "");
  if (form.held && target.type === "email") messageOf(form).textContent = ""; // another account has another limit
});

// Nobody is asked for what only somebody gets: this page first asks who it is
// that it talks to.
attempt(null, async () => {
  const { answer: me } = await ask("GET", "/api/auth/me");
  if (me.user || me.renewable && await renew()) return enter();
  view("out");
})().then(() => { if (document.documentElement.dataset.view === "loading") view("out"); });
