// npm's `@huggingface/inference` against the service: prints what it gets, and the statuses of its errors, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { PACKAGES, SERVICE, KEY, IMAGE, TEXT, OTHER } = process.env;
const { InferenceClient } = createRequire(`${PACKAGES}/`)("@huggingface/inference");

const endpointUrl = `${SERVICE}/hf`;
const client = new InferenceClient(KEY);
const image = new Blob([readFileSync(IMAGE)]);
const parameters = { candidate_labels: [TEXT, OTHER] };
const errorOf = (call) => call.then(() => "none", (error) => [error.constructor.name, error.httpResponse?.status]);
const features = (url, by = client) => by.featureExtraction({ endpointUrl: url, inputs: TEXT });
const noImage = new Blob(["no image"]);

console.log(JSON.stringify({
  classes: await client.zeroShotImageClassification({ endpointUrl, inputs: { image }, parameters }),
  features: await client.featureExtraction({ endpointUrl, inputs: [TEXT, OTHER] }),
  errors: [
    await errorOf(client.zeroShotImageClassification({ endpointUrl, inputs: { image: noImage }, parameters })),
    await errorOf(features(`${endpointUrl}?model=nowhere`)),
    await errorOf(features(endpointUrl, new InferenceClient("wrong"))),
  ],
}));
