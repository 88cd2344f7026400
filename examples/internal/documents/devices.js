// Where the user is logged in: one line for each session, with a button that
// ends it.

const minute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const at = text => element("time", { dateTime: text, textContent: minute.format(new Date(text)) });

function device(one) {
  const name = element("p", {}, element("strong", { textContent: one.device }));
  if (one.current) name.append(" ", element("span", { className: "badge", textContent: "this browser" }));
  const facts = element("p", { className: "meta quiet" },
    element("span", { textContent: one.address }), element("span", {}, "logged in ", at(one.created_at)), element("span", {}, "last used ", at(one.last_used)));
  const button = element("button", { type: "button", className: "quiet-button", textContent: "Log out" });
  button.setAttribute("aria-label", `Log out ${one.current ? "this browser" : `${one.device}, ${one.address}`}, logged in ${minute.format(new Date(one.created_at))}`);
  button.onclick = one.current ? () => $("logout").click() : attempt(null, () => end("/api/sessions/" + encodeURIComponent(one.id), `${one.device} is logged out.`));
  return element("li", {}, element("div", {}, name, facts), button);
}

// devices shows the list. A logout waits for it, so that the request is not
// refused halfway.
let listing = Promise.resolve();
const devices = () => listing = listDevices();

async function listDevices() {
  const { answer } = await call("GET", "/api/sessions?limit=100");
  const all = answer.items.sort((a, b) => b.current - a.current); // the others stay in their order
  $("devices").replaceChildren(...all.map(device));
  $("logout-others").hidden = all.length < 2;
}

async function end(path, text) {
  try {
    await call("DELETE", path);
  } catch (error) {
    if (error.status !== 404) throw error; // it has ended already
  }
  await devices();
  toast(text);
  $("devices-title").focus();
}

$("logout-others").onclick = attempt(null, () => end("/api/sessions/others", "You are logged out everywhere else."));
