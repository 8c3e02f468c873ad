// Follows an event stream with the `eventsource` package: follow.mjs URL TOKEN COUNT [LAST_EVENT_ID].
// Prints `id type` of each event and ends after COUNT of them.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.REEF_TEST_NODE_MODULES}/`);
const { EventSource } = require("eventsource");
const [url, token, count, after] = process.argv.slice(2);

let left = Number(count);
const source = new EventSource(url, {
  fetch: (input, init) => {
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    if (after && !headers["Last-Event-ID"]) headers["Last-Event-ID"] = after;
    return fetch(input, { ...init, headers });
  },
});
const types = (process.env.REEF_EVENT_TYPES ?? "").split(",").filter(Boolean);
const show = (event) => {
  console.log(event.lastEventId, event.type);
  left -= 1;
  if (left === 0) {
    source.close();
    process.exit(0);
  }
};
// Named events reach only listeners of their name.
for (const type of types) source.addEventListener(type, show);
source.onmessage = show;
source.onerror = (error) => {
  console.error(error.code ?? "", error.message ?? "disconnected");
};
