// Reads a streamed reply with the `openai` package: read_chat.mjs BASE KEY PATH MESSAGE.
// Prints one JSON object: the joined text, the ids and roles of the chunks, the finish reasons, and the error that
// the package raised, if it did. The package's own decoder and errors do all the reading.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.REEF_TEST_NODE_MODULES}/`);
const OpenAI = require("openai");
const [baseURL, apiKey, path, message] = process.argv.slice(2);

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const seen = { text: "", ids: [], roles: [], models: [], finish: [], error: null };
try {
  const stream = await client.post(path, { body: { message, stream: true }, stream: true });
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    seen.text += choice.delta.content ?? "";
    seen.ids.push(chunk.id);
    seen.models.push(chunk.model);
    if (choice.delta.role) seen.roles.push(choice.delta.role);
    if (choice.finish_reason) seen.finish.push(choice.finish_reason);
  }
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  seen.error = { kind: error.constructor.name, message: error.message };
}
console.log(JSON.stringify(seen));
