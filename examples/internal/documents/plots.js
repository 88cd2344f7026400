// The counters of the last quarter of an hour, as small plots.

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const sum = counts => counts.reduce((all, one) => all + one, 0);
const plural = (count, one, many = one + "s") => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function drawing(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const plotHeight = 40, barWidth = 10;

// bars draws one bar for each minute. A minute with anything in it is seen,
// however small it is beside the others.
function bars(counts, most, name) {
  return counts.map((count, i) => {
    const height = count === 0 ? 1 : Math.max(3, Math.round(count / most * plotHeight));
    return drawing("rect", { class: count === 0 ? "none" : name, x: i * barWidth + 1, y: plotHeight - height, width: barWidth - 2, height, rx: 1.5 });
  });
}

// sentence of a plot: what the drawing shows, for who does not see it.
function told(name, counts, minutes) {
  const all = sum(counts), most = Math.max(...counts);
  if (all === 0) return `${name}: none in the last ${minutes.length} minutes.`;
  return `${name}: ${all} in the last ${minutes.length} minutes. The most in one minute: ${most}, at ${clock.format(new Date(minutes[counts.indexOf(most)]))}.`;
}

const plots = new Map();

function plot(name, counts, minutes, within = null) {
  let made = plots.get(name);
  if (!made) {
    made = { total: element("strong", {}), peak: element("span", { className: "quiet" }) };
    made.svg = drawing("svg", { viewBox: `0 0 ${minutes.length * barWidth} ${plotHeight}`, preserveAspectRatio: "none", role: "img" });
    made.figure = element("figure", { className: "plot" }, element("figcaption", {}, element("span", { textContent: name }), made.total), made.svg, made.peak);
    plots.set(name, made);
    $("plots").append(made.figure);
  }
  const all = sum(counts), most = Math.max(...counts);
  made.total.textContent = all.toLocaleString("en");
  made.figure.classList.toggle("silent", all === 0);
  made.peak.textContent = all === 0 ? "none" : `up to ${most.toLocaleString("en")} a minute`;
  let text = told(name, counts, minutes);
  if (within) text += ` ${plural(sum(within), "of them was", "of them were")} refused.`;
  made.svg.setAttribute("aria-label", text);
  made.svg.replaceChildren(...bars(counts, most, "bar"), ...(within ? bars(within, most, "bar part").filter((_, i) => within[i] > 0) : []));
}

// families are the kinds of events as the list of the filter has them.
const families = [...document.querySelectorAll("#kind optgroup")].map(group => ({ name: group.label, kinds: [...group.children].map(option => option.value) }));

function draw(counters) {
  const { minutes } = counters;
  plot("All requests", counters.requests, minutes, counters.refused);
  const of = new Map(counters.kinds.map(one => [one.kind, one.counts]));
  for (const { name, kinds } of families) {
    plot(name, minutes.map((_, i) => sum(kinds.map(kind => of.get(kind)[i]))), minutes);
  }
  const used = counters.in_use;
  $("sessions").textContent = used.sessions.toLocaleString("en");
  $("accounts").textContent = "of " + plural(used.accounts, "account");
  $("keys").textContent = used.keys.toLocaleString("en");
  $("recent").textContent = used.recent_keys.length === 0 ? "none used lately" : "used lately: " + used.recent_keys.map(key => `${key.name} (${key.tier})`).join(", ");
  $("streams").textContent = used.streams.toLocaleString("en");
  for (const key of used.recent_keys) names.set("key:" + key.id, "key “" + key.name + "”");
}
