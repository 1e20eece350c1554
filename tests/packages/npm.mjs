// A task with a package of npm: takes it from standard input, prints the result or the error; both are JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { task, url, key, model, inputs, tries = 1, image } = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${process.env.PACKAGES}/`);

const openai = () => {
  const { OpenAI } = require("openai");
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: tries - 1 });
};
const huggingface = () => new (require("@huggingface/inference").InferenceClient)(key);
const endpointUrl = `${url}/hf?model=${model}`;
const options = { retry_on_error: tries > 1 };

const tasks = {
  openai: async () => {
    const { data } = await openai().embeddings.create({ model, input: inputs });
    return data.map((each) => each.embedding);
  },
  "openai models": async () => {
    const models = [];
    for await (const each of openai().models.list()) models.push(each.id);
    return models;
  },
  huggingface: () => huggingface().featureExtraction({ endpointUrl, inputs }, options),
  "huggingface classes": () => huggingface().zeroShotImageClassification({
    endpointUrl, inputs: { image: new Blob([readFileSync(image)]) }, parameters: { candidate_labels: inputs },
  }, options),
};

const result = await tasks[task]().then(
  (value) => ({ value }),
  (error) => ({ error: error.constructor.name, status: error.status ?? error.httpResponse?.status }),
);
console.log(JSON.stringify(result));
