// The security events as they come: server-sent events. fetch reads them, where
// EventSource would hide the status of a refusal and choose where to resume.

// follow reads the events after the given id until stop is called. states are
// "live", "again", "busy" with the seconds to wait, "ended" and "forbidden".
// Before each request it waits for ready.
function follow(query, { after = "", onRecord, onMissed = () => {}, onState = () => {}, ready = () => {} }) {
  const control = new AbortController();
  const pause = seconds => new Promise(resolve => {
    setTimeout(resolve, seconds * 1000);
    control.signal.onabort = resolve;
  });

  const take = block => {
    const fields = {};
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (fields.id) after = fields.id;
    if (fields.event === "record") onRecord(JSON.parse(fields.data));
    if (fields.event === "missed") onMissed(JSON.parse(fields.data).count);
  };

  const read = async response => {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      if (control.signal.aborted) return;
      blocks.forEach(take);
    }
  };

  // once returns how many seconds to wait before the next try, or null where
  // there is none.
  const once = async wait => {
    const response = await fetch("/admin/events" + query, { headers: after ? { "Last-Event-ID": after } : {}, signal: control.signal });
    if (response.ok) {
      onState("live");
      await read(response);
      onState("again");
      return 1;
    }
    await response.text();
    const told = Number(response.headers.get("Retry-After"));
    if (response.status === 401 && await renew()) return wait;
    if (response.status === 401) return onState("ended");
    if (response.status === 403) return onState("forbidden");
    onState("busy", told || wait);
    return told || wait * 2;
  };

  (async () => {
    for (let wait = 1; !control.signal.aborted;) {
      try {
        await ready();
        if (control.signal.aborted) return;
        wait = await once(wait);
        if (!wait) return;
      } catch {
        if (control.signal.aborted) return;
        onState("again");
        wait = Math.min(wait * 2, 30);
      }
      await pause(wait);
    }
  })();
  return { stop: () => control.abort(), get after() { return after; } };
}
