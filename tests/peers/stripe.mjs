// Stripe's own library: its types judge values of ours, its client asks for a session, it signs events.
// Reads one request in JSON per line, {"parameters"}, {"types"}, {"create"} or {"sign"}; prints an answer in JSON for each.
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const modules = process.env.REEF_TEST_NODE_MODULES;
const require = createRequire(`${modules}/`);
const qs = require("qs");
const Stripe = require("stripe");
const ts = require("typescript");

// A form as the object it stands for.
function parameters(form) {
  const decoder = (text, decode, charset, kind) => {
    const value = decode(text, decode, charset);
    return kind === "value" && /^\d+$/.test(value) ? Number(value) : value;
  };
  return qs.parse(form, { decoder, depth: 8 });
}

// What TypeScript says of each value, given as [type, value], one to a line of a program beside the modules.
function types(values) {
  const place = path.join(modules, "..", "judged.mts");
  const lines = values.map(([type, value], index) => `export const v${index}: ${type} = ${JSON.stringify(value)};`);
  const source = [...lines, 'import type { Stripe } from "stripe";'].join("\n");
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => file === place || fileExists(file);
  host.getSourceFile = (file, target) =>
    file === place ? ts.createSourceFile(file, source, target) : getSourceFile(file, target);
  const program = ts.createProgram([place], options, host);
  const said = values.map(() => []);
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    if (!diagnostic.file || diagnostic.file.fileName !== place) throw new Error(text);
    const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
    if (line >= values.length) throw new Error(text);
    said[line].push(text);
  }
  return said;
}

function create({ url, key, version, params }) {
  const { hostname, port } = new URL(url);
  const stripe = new Stripe(key, { host: hostname, port, protocol: "http", apiVersion: version, telemetry: false });
  return stripe.checkout.sessions.create(params, { idempotencyKey: "asked-by-the-library" });
}

const sign = ({ payload, secret }) => Stripe.webhooks.generateTestHeaderString({ payload, secret });

const does = { parameters, types, create, sign };
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [[what, given]] = Object.entries(JSON.parse(line));
  console.log(JSON.stringify(await does[what](given)));
}
