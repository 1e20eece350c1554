// Vectors and small copies of images in this browser's database, only if the user says so.

import { ofDevice } from "../storage.js";

const NAME = "clip-playground";
const STORE = "vectors";
const FLAG = "keep-vectors";

export const isKeeping = () => ofDevice.getItem(FLAG) === "yes";

/** The user asked for it. */
export const startKeeping = () => ofDevice.setItem(FLAG, "yes");

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["model", "identity"] });
  return settled(request);
}

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
  request.onblocked = () => reject(new Error("another tab is using it"));
});

async function within(mode, act) {
  const database = await open();
  try {
    const transaction = database.transaction(STORE, mode);
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await act(transaction.objectStore(STORE));
    await ended;
    return result;
  } finally {
    database.close();
  }
}

/** Keep `{identity, name, path, vector, thumbnail}`s of a model, whose vectors do not fit another's. */
export async function keep(model, entries) {
  await within("readwrite", async (store) => entries.forEach((entry) => store.put({ ...entry, model })));
}

/** What is kept of a model. */
export async function recall(model) {
  if (!isKeeping()) return [];
  const range = IDBKeyRange.bound([model], [model, []]);
  return within("readonly", (store) => settled(store.getAll(range)));
}

export const stopKeeping = () => ofDevice.removeItem(FLAG);

/** Forget what is kept, of all models. */
export async function forget() {
  await within("readwrite", async (store) => store.clear());
}
