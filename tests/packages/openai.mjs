// npm's `openai` against the service: prints what it gets, and the classes of its errors, as JSON.
import { createRequire } from "node:module";

const { PACKAGES, SERVICE, KEY, INPUT } = process.env;
const { OpenAI } = createRequire(`${PACKAGES}/`)("openai");

const clientOf = (apiKey) => new OpenAI({ baseURL: `${SERVICE}/v1`, apiKey, maxRetries: 0 });
const client = clientOf(KEY);
const classOf = (call) => call.then(() => "none", (error) => error.constructor.name);
const embed = (input, model = "demo", by = client) => by.embeddings.create({ model, input });

const { data, usage } = await embed(JSON.parse(INPUT));
const models = [];
for await (const model of client.models.list()) models.push(model.id);
console.log(JSON.stringify({
  vectors: data.map((each) => each.embedding),
  tokens: usage.total_tokens,
  models,
  errors: [
    await classOf(embed([{ image: "bm8gaW1hZ2U=" }])),
    await classOf(embed("a", "nowhere")),
    await classOf(embed("a", "demo", clientOf("wrong"))),
  ],
}));
