// The sessions and API keys in use, and how an administrator ends them.

const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const moment = text => text ? element("time", { dateTime: text, textContent: when.format(new Date(text)) }) : element("span", { textContent: "never" });
const person = id => id ? names.get(id) || id : "";

// asConfirmed asks for the password if the server wants to see it again.
async function asConfirmed(method, path, what) {
  for (;;) {
    try {
      return await asAdmin(method, path);
    } catch (refusal) {
      if (refusal.code !== tooLongAgo) throw refusal;
      if (!await confirmed(what)) return null;
    }
  }
}

// confirmed shows the dialog until the password was right or the user gives up.
function confirmed(what) {
  const dialog = $("confirm"), form = document.forms.confirm, field = $("confirm-password"), message = $("confirm-message");
  const say = text => {
    message.textContent = text;
    field.toggleAttribute("aria-invalid", false);
    if (text) field.setAttribute("aria-invalid", "true");
  };
  $("confirm-text").textContent = what;
  form.reset();
  say("");
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  let busy = false;
  form.onsubmit = async event => {
    event.preventDefault();
    if (busy) return;
    say("");
    if (!field.value) return say("This needs your password.");
    busy = true;
    try {
      await ask("POST", "/api/auth/confirm", { password: field.value });
      dialog.close("yes");
    } catch (refusal) {
      say(!(refusal instanceof Refusal) ? "The browser could not send this." : refusal.code === "login.failed" ? "The password is wrong." :
        refusal.wait ? `That was too often. Try again in ${plural(refusal.wait, "second")}.` : refusal.message);
      field.select();
      field.focus();
    } finally { busy = false; }
  };
  $("confirm-no").onclick = () => dialog.close("");
  return new Promise(resolve => { dialog.onclose = () => { form.reset(); resolve(dialog.returnValue === "yes"); }; });
}

// action is a button in a row. What comes of it is said above the table.
function action(says, name, label, className, task) {
  const button = element("button", { type: "button", className, textContent: name });
  button.setAttribute("aria-label", `${name} ${label}`);
  button.onclick = () => doing(says, button, task);
  return button;
}

async function doing(says, button, task) {
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  says.replaceChildren();
  try {
    const text = await task();
    if (text) says.replaceChildren(...[text].flat());
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    says.textContent = refusal.status === 404 ? "It has ended already." : refusal.message;
  } finally {
    button.removeAttribute("aria-disabled");
  }
  await tables(true);
  if (!button.isConnected) says.focus();
}

// A paged shows one page of a list in a table.
class Paged {
  constructor(id, path, line) {
    Object.assign(this, { id, path, line, offset: 0, says: $(id + "-says") });
    $(id + "-newer").onclick = () => this.turn(-perTable);
    $(id + "-older").onclick = () => this.turn(perTable);
  }
  async show() {
    try {
      await this.list();
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (refusal.status === 401 || refusal.status === 403) return refresh(); // which says that the page is over
      this.says.textContent = refusal.message;
    }
  }
  async list() {
    const query = new URLSearchParams({ limit: perTable, offset: this.offset });
    const { answer, total } = await pageOf(this.path(query));
    if (this.offset > 0 && answer.items.length === 0) return this.turn(-perTable);
    this.fill(answer.items);
    $(this.id + "-none").hidden = total > 0;
    $(this.id + "-table").hidden = total === 0;
    $(this.id + "-pager").hidden = total <= perTable;
    $(this.id + "-page").textContent = `${this.offset + 1}–${this.offset + answer.items.length} of ${total.toLocaleString("en")}`;
    $(this.id + "-newer").disabled = this.offset === 0;
    $(this.id + "-older").disabled = this.offset + perTable >= total;
  }
  // fill keeps the buttons of the rows that stay: somebody may be about to press
  // one.
  fill(items) {
    const rows = $(this.id + "-rows");
    const known = new Map([...rows.children].map(row => [row.dataset.id, row]));
    const next = items.map(one => {
      const fresh = this.line(one, this.says), old = known.get(one.id);
      fresh.dataset.id = one.id;
      if (!old) return fresh;
      [...fresh.cells].slice(0, -1).forEach((made, i) => old.cells[i].replaceWith(made));
      return old;
    });
    if (next.length !== rows.children.length || next.some((row, i) => row !== rows.children[i])) rows.replaceChildren(...next);
  }
  async turn(step) {
    this.offset = Math.max(0, this.offset + step);
    await this.show();
  }
}
const perTable = 10;

async function pageOf(path) {
  try {
    return await ask("GET", path);
  } catch (refusal) {
    if (refusal.status !== 401 || !await renew()) throw refusal;
    return await ask("GET", path);
  }
}

function tableRow(...cells) {
  const made = element("tr", {}, ...cells);
  made.setAttribute("role", "row");
  return made;
}
const two = (first, second) => [element("span", { textContent: first }), element("span", { className: "quiet", textContent: second })];

const sessionTable = new Paged("in-use", query => "/admin/sessions?" + query, (one, says) => {
  const user = person(one.user_id);
  const who = element("strong", { textContent: user });
  const own = element("span", { className: "quiet", textContent: one.current ? "this session" : "" });
  return tableRow(
    cell("User", who, own), cell("Device", ...two(one.device, one.address)), cell("Last used", moment(one.last_used)), cell("Since", moment(one.created_at)),
    cell("End", action(says, "End", `the session of ${user} on ${one.device}, since ${when.format(new Date(one.created_at))}`, "link", async () => {
      await asAdmin("DELETE", "/admin/sessions/" + encodeURIComponent(one.id));
      return `The session of ${user} has ended.`;
    })));
});

const keyTable = new Paged("keys-in-use", query => {
  for (const [name, id] of [["owner", "key-owner"], ["tier", "key-tier"], ["stale", "key-age"]]) if ($(id).value) query.set(name, $(id).value);
  return "/admin/keys?" + query;
}, (one, says) => {
  const name = `“${one.name}”`;
  const secret = one.secrets > 1 ? `${one.secrets} secrets work` : one.stale ? "should be rotated" : "";
  const buttons = element("span", { className: "buttons" },
    action(says, "Rotate", `the key ${name}`, "link", async () => {
      const made = await asAdmin("POST", `/admin/keys/${encodeURIComponent(one.id)}/rotate`);
      return [`The new secret of ${name}, shown this once. The old one works for a day: `, element("code", { textContent: made.key })];
    }),
    action(says, "Revoke", `the key ${name}`, "link", async () => {
      await asAdmin("DELETE", "/admin/keys/" + encodeURIComponent(one.id));
      return `The key ${name} is revoked.`;
    }));
  const named = element("strong", { textContent: one.name, dir: "auto" });
  return tableRow(
    cell("Key", named, element("span", { className: "quiet", textContent: one.tier })), cell("Owner", element("span", { textContent: person(one.owner_id) || "its own caller" })),
    cell("Last used", moment(one.last_used)), cell("Secret of", element("span", { textContent: day.format(new Date(one.rotated_at)) }), element("span", { className: "quiet", textContent: secret })),
    cell("End", buttons));
});

// tables shows both. What the page does by itself leaves a table alone while
// one of its rows has the focus, which it would lose.
async function tables(asked = false) {
  for (const table of [sessionTable, keyTable]) {
    if (asked || !$(table.id + "-rows").contains(document.activeElement)) await table.show();
  }
}

for (const id of ["key-owner", "key-tier", "key-age"]) $(id).onchange = async () => {
  $("revoke-owner").hidden = !$("key-owner").value;
  $("revoke-owner").textContent = `Revoke all keys of ${person($("key-owner").value)}`;
  keyTable.offset = 0;
  await keyTable.show();
};

$("revoke-owner").onclick = () => doing(keyTable.says, $("revoke-owner"), async () => {
  const owner = $("key-owner").value;
  const done = await asConfirmed("DELETE", `/admin/users/${encodeURIComponent(owner)}/keys`, `This revokes all keys of ${person(owner)}, and they cannot be brought back.`);
  return done ? `All keys of ${person(owner)} are revoked.` : "Nothing was revoked.";
});
