// Verifies deliveries with the official library of Standard Webhooks and, where it has Thermidora's header, with the code that
// Thermidora's document prints. Reads one delivery in JSON per line, {"secret", "headers", "body"}; prints what was verified.
import crypto from "node:crypto";
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(`${process.env.REEF_TEST_NODE_MODULES}/`);
const { Webhook } = require("standardwebhooks");

function verifySignature(body, signature, secret) {
  const expected = crypto.createHmac("sha256", secret).update(JSON.stringify(body)).digest("hex");
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  const parsed = JSON.parse(body);
  const verified = ["standard"];
  new Webhook(secret).verify(body, headers);
  const signature = headers["x-thermidora-signature"];
  if (signature) {
    if (!verifySignature(parsed, signature, secret)) throw new Error("the documented code does not verify it");
    if (verifySignature({ ...parsed, more: 1 }, signature, secret)) throw new Error("a changed body was taken");
    verified.push("thermidora");
  }
  console.log(verified.join(" "));
}
