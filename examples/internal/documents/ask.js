
"use strict";
const $ = id => document.getElementById(id);

// ---- What the server is asked. Tokens live in cookies that this script uses
// and never sees.

class Refusal extends Error {
  constructor(status, problem, wait = 0) {
    super(problem.detail || problem.title || "The server did not say why it refused this.");
    Object.assign(this, { status, code: problem.code, errors: problem.errors || [], wait });
  }
}
// The code of a refusal that wants to see the password again.
const tooLongAgo = "authz.insufficient_user_authentication";

class SessionEnded extends Error {
  constructor(other = "") { super(); this.other = other; } // whose session there is now
}

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

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
