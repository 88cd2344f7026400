// "Try to break it": what attackers send, sent by this page. Each attack comes
// without the cookies of the administrator, so that it can do no more than an
// attacker could. What is shown of it is set as text, and never as markup.

// hit sends a request without cookies and returns what came back.
async function hit(method, path, { authorization = "", body, sent } = {}) {
  const headers = {};
  if (authorization) headers.Authorization = authorization;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body, credentials: "omit" });
  const text = await response.text();
  let said = {};
  try { said = JSON.parse(text); } catch {} // no body, or none of JSON
  return { sent: sent || `${method} ${path}`, status: response.status, said, wait: response.headers.get("Retry-After"), id: response.headers.get("X-Request-Id") };
}

async function asAdmin(method, path, body) {
  try {
    return (await ask(method, path, body)).answer;
  } catch (refusal) {
    if (refusal.status !== 401 || refusal.code === tooLongAgo || !await renew()) throw refusal;
    return (await ask(method, path, body)).answer;
  }
}

// The attacker has an API key of its own, with the role of a user and with its
// own limit. So a burst uses up nobody else's limit.
let attacker = null;
async function asAttacker() {
  attacker ||= await asAdmin("POST", "/admin/keys", { name: "try to break it", tier: "default" });
  names.set("key:" + attacker.id, "key “try to break it”");
  return "ApiKey " + attacker.key;
}
const post = async document => hit("POST", "/documents", { authorization: await asAttacker(), body: JSON.stringify(document) });

// kept removes what was stored, and says how it was.
async function kept(hit) {
  if (hit.status === 201) await asAdmin("DELETE", "/documents/" + encodeURIComponent(hit.said.id));
  return hit;
}

// ---- A token of one's own.

const base64url = bytes => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const encoded = value => base64url(new TextEncoder().encode(JSON.stringify(value)));

// forge makes a token that says everything right and is not ours. sign returns
// its signature.
async function forge(header, sign) {
  const { answer: resource } = await ask("GET", "/.well-known/oauth-protected-resource");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: resource.authorization_servers[0], aud: resource.resource, sub: me.id, client_id: "documents", roles: ["admin"], sid: "s", jti: crypto.randomUUID(), iat: now, exp: now + 900 };
  const text = encoded({ typ: "at+jwt", ...header }) + "." + encoded(claims);
  return `Bearer ${text}.${await sign(new TextEncoder().encode(text))}`;
}

async function otherKey(text) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
  const pair = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
  return base64url(new Uint8Array(await crypto.subtle.sign(algorithm.name, pair.privateKey, text)));
}

// ---- The attacks. Each returns the hits that are shown.

const mostHits = 130; // of a burst: a limit of 100 is exceeded long before

const attacks = [
  {
    name: "A token without a signature",
    about: "A token that calls you an administrator, with the algorithm “none”.",
    send: async () => [await hit("GET", "/documents", { authorization: await forge({ alg: "none" }, () => "") })],
  },
  {
    name: "A token signed with another key",
    about: "The same claims and the id of the right key, signed by a key that this page has just made.",
    send: async () => {
      const { answer: known } = await ask("GET", "/.well-known/jwks.json");
      return [await hit("GET", "/documents", { authorization: await forge({ alg: "RS256", kid: known.keys[0].kid }, otherKey) })];
    },
  },
  {
    name: "A stranger’s document",
    about: "Somebody with a key reads a document that belongs to you. The answer is the one for a document that does not exist.",
    send: async () => {
      const yours = await asAdmin("POST", "/documents", { title: "Nobody else’s" });
      try {
        return [await hit("GET", "/documents/" + yours.id, { authorization: await asAttacker() })];
      } finally {
        await asAdmin("DELETE", "/documents/" + yours.id);
      }
    },
  },
  {
    name: "A route of administrators",
    about: "The same key asks for the list of all users.",
    send: async () => [await hit("GET", "/admin/users", { authorization: await asAttacker() })],
  },
  {
    name: "An extra field",
    about: "A new document that says who owns it, in the field owner_id.",
    send: async () => [await kept(await post({ title: "Mine", owner_id: me.id }))],
  },
  {
    name: "A script in a title",
    about: "The title is <script>alert(1)<\/script>Minutes. It is stored without the script, and reported.",
    send: async () => [await kept(await post({ title: "<script>alert(1)<\/script>Minutes" }))],
  },
  {
    name: "SQL in a title",
    about: "The title is x' OR '1'='1' --. It is stored as it is, since people write about SQL, and reported.",
    send: async () => [await kept(await post({ title: "x' OR '1'='1' --" }))],
  },
  {
    name: "A path out of the folder",
    about: "The id of a document that climbs: ..%2f..%2fetc%2fpasswd.",
    send: async () => [await hit("GET", "/documents/..%2f..%2fetc%2fpasswd", { authorization: await asAttacker() })],
  },
  {
    name: "Ten thousand brackets",
    about: "JSON that is nested so deeply that a careless decoder runs out of stack.",
    send: async () => [await hit("POST", "/documents", { authorization: await asAttacker(), body: `{"title":${"[".repeat(10_000)}${"]".repeat(10_000)}}` })],
  },
  {
    name: "A body that is too large",
    about: "A little more than the mebibyte that a document may have.",
    send: async () => [await hit("POST", "/documents", { authorization: await asAttacker(), body: JSON.stringify({ title: "Large", content: "a".repeat(1 << 20) }) })],
  },
  {
    name: "A burst",
    about: `The key has 100 requests a minute. This page sends until one is refused, and ${mostHits} at most. Your own limit is another.`,
    send: async () => {
      const authorization = await asAttacker(), hits = [];
      while (hits.length < mostHits && hits.at(-1)?.status !== 429) {
        const wave = await Promise.all(Array.from({ length: 10 }, () => hit("GET", "/documents?limit=1", { authorization })));
        hits.push(...wave.sort((a, b) => a.status - b.status));
      }
      return hits;
    },
  },
  {
    name: "A wrong password, ten times",
    about: "Ten guesses for an account that does not exist, and one more. It uses up the ten wrong passwords an hour of this address: until then, only a browser that has logged in before can log in from here.",
    send: async () => {
      const email = `nobody-${crypto.randomUUID().slice(0, 8)}@example.com`, hits = [];
      while (hits.length < 11 && hits.at(-1)?.status !== 429) {
        hits.push(await hit("POST", "/api/auth/login", { body: JSON.stringify({ email, password: "guess " + hits.length }) }));
      }
      return hits;
    },
  },
];

// ---- What came of it.

// together counts hits with the same answer, and keeps the last of each and the
// ids of all.
function together(hits) {
  const groups = [];
  for (const one of hits) {
    const group = groups.find(group => group.last.status === one.status && group.last.said.code === one.said.code);
    if (group) group.last = one;
    else groups.push({ last: one, ids: [] });
    (group || groups.at(-1)).ids.push(one.id);
  }
  return groups;
}

// recordsOf waits for the records of requests, by their ids. Of records that
// differ in nothing but their request it keeps the last.
function recordsOf(groups, after) {
  return new Promise(resolve => {
    const of = new Map(groups.flatMap(group => group.ids.map(id => [id, group])));
    for (const group of groups) group.records = new Map();
    let last = null;
    const done = () => { reader.stop(); clearTimeout(late); clearTimeout(last); resolve(); };
    const late = setTimeout(done, 2000); // some requests leave no record
    const reader = follow("", { after, onRecord: record => {
      const group = of.get(record.requestId);
      if (!group) return;
      group.records.set(record.event + " " + record.reason, record);
      group.whole ||= record.requestId === group.last.id;
      clearTimeout(last);
      if (groups.every(group => group.whole)) last = setTimeout(done, 200);
    } });
  });
}

const row = (name, ...content) => [element("dt", { textContent: name }), element("dd", {}, ...content)];
const code = text => element("code", { textContent: text });

function rawOf(record) {
  const made = element("pre", { tabIndex: 0, textContent: JSON.stringify(record, null, 2) });
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", "The whole record of " + record.event);
  return made;
}

function came({ last, ids, records }) {
  const { said } = last, count = ids.length;
  const list = element("dl", { className: "answer" });
  const good = last.status < 400;
  const status = element("strong", { className: good ? "status good" : "status bad", textContent: last.status });
  list.append(...row("Sent", code(last.sent), count > 1 ? ` ${count} times` : ""));
  const words = good ? [" Created. The title is stored as ", element("q", { textContent: said.title })] : [" ", said.title || "", " ", code(said.code || "")];
  if (good && said.title === undefined) words.splice(0, words.length, " as usual");
  list.append(...row("Answered", status, ...words));
  if (!good && said.detail) list.append(...row("Said", said.detail));
  for (const error of good ? [] : said.errors || []) list.append(...row("Because", code(error.pointer), " ", error.detail));
  if (last.wait) list.append(...row("Retry-After", plural(Number(last.wait), "second")));
  if (records.size === 0) list.append(...row("Record", good ? "none: nothing was refused" : "none has arrived"));
  for (const record of records.values()) {
    list.append(...row("Record", code(record.event), " ", element("span", { className: "quiet", textContent: [record.level, record.reason, record.rule].filter(Boolean).join(" · ") }),
      element("details", {}, element("summary", { textContent: "The whole record" }), rawOf(record))));
  }
  return list;
}

function attackCard(attack, i) {
  const button = element("button", { type: "button", className: "quiet-button", textContent: "Send" });
  const says = element("p", { className: "says" }), result = element("div", { className: "result" });
  const title = element("h3", { textContent: attack.name, id: "attack-" + i });
  says.setAttribute("role", "status");
  button.setAttribute("aria-label", "Send: " + attack.name);
  button.onclick = async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    says.textContent = "Sending…";
    result.replaceChildren();
    try {
      const after = stream?.after;
      const groups = together(await attack.send());
      await recordsOf(groups, after);
      result.replaceChildren(...groups.map(came));
      says.textContent = groups.map(({ ids, last }) => `${ids.length > 1 ? ids.length + " × " : ""}${last.status} ${last.said.code || "allowed"}`).join(", then ");
    } catch (error) {
      says.textContent = error instanceof Refusal ? error.message : "The browser could not send this: " + error.message;
    } finally {
      button.removeAttribute("aria-disabled");
      refresh();
    }
  };
  const made = element("article", { className: "attack" }, element("div", { className: "attack-head" }, title, button), element("p", { className: "quiet", textContent: attack.about }), says, result);
  made.setAttribute("aria-labelledby", title.id);
  return made;
}
